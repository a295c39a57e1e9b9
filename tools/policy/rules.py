"""Our own rules: the warehouse that no scanner looks at, and what silently delivers nothing."""

from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from tools.policy.templates import (
    Resource,
    Templates,
    as_list,
    condition_keys,
    services,
    statements,
    text,
)

Complaints = Iterator[tuple[Resource, str]]
Rule = Callable[[Templates], Complaints]

RULES: Final[dict[str, Rule]] = {}

_WORKGROUP = "AWS::RedshiftServerless::Workgroup"
_NAMESPACE = "AWS::RedshiftServerless::Namespace"
_SCHEDULE = "AWS::Scheduler::Schedule"
_NAMES_A_SOURCE = {
    "aws:SourceArn", "aws:SourceAccount", "aws:PrincipalArn", "aws:PrincipalAccount",
    "kms:CallerAccount", "kms:EncryptionContext:aws:logs:arn",
}  # fmt: skip
# Services that take a role only after somebody with iam:PassRole gave it to them.
_PASSED = {
    "lambda.amazonaws.com", "redshift.amazonaws.com", "redshift-serverless.amazonaws.com",
}  # fmt: skip


def _rule(name: str) -> Callable[[Rule], Rule]:
    def register(rule: Rule) -> Rule:
        RULES[name] = rule
        return rule

    return register


# --- the warehouse


@_rule("warehouse-public")
def _public(templates: Templates) -> Complaints:
    for workgroup in templates.resources(_WORKGROUP):
        if workgroup.properties.get("PubliclyAccessible") is not False:
            yield (
                workgroup,
                "set PubliclyAccessible to false, in so many words",
            )


@_rule("warehouse-routing")
def _routing(templates: Templates) -> Complaints:
    for workgroup in templates.resources(_WORKGROUP):
        if workgroup.properties.get("EnhancedVpcRouting") is not True:
            yield workgroup, "set EnhancedVpcRouting: COPY would read S3 outside the network"


@_rule("warehouse-tls")
def _tls(templates: Templates) -> Complaints:
    for workgroup in templates.resources(_WORKGROUP):
        settings = {
            each["ParameterKey"]: each["ParameterValue"]
            for each in workgroup.properties.get("ConfigParameters", [])
        }
        if settings.get("require_ssl") != "true":
            yield workgroup, "set require_ssl to true: clients may connect in the clear"


@_rule("warehouse-capacity")
def _capacity(templates: Templates) -> Complaints:
    for workgroup in templates.resources(_WORKGROUP):
        if "MaxCapacity" not in workgroup.properties:
            yield workgroup, "set MaxCapacity: scaling, and the bill, has no end"


@_rule("warehouse-audit")
def _audit(templates: Templates) -> Complaints:
    wanted = {"userlog", "connectionlog", "useractivitylog"}
    for namespace in templates.resources(_NAMESPACE):
        if missing := wanted - set(namespace.properties.get("LogExports", [])):
            yield namespace, f"export {', '.join(sorted(missing))}: nobody can say who did what"


@_rule("warehouse-log")
def _log(templates: Templates) -> Complaints:
    """Redshift makes the groups that are missing: they never expire, and have no key of ours."""
    groups = {
        text(group.properties["LogGroupName"])
        for group in templates.resources("AWS::Logs::LogGroup")
        if "RetentionInDays" in group.properties
    }
    for namespace in templates.resources(_NAMESPACE):
        for export in namespace.properties.get("LogExports", []):
            name = f"/aws/redshift/{text(namespace.properties['NamespaceName'])}/{export}"
            if name not in groups:
                yield namespace, f"make the log group {name}, which expires"


@_rule("warehouse-key")
def _key(templates: Templates) -> Complaints:
    for namespace in templates.resources(_NAMESPACE):
        for name in ("KmsKeyId", "AdminPasswordSecretKmsKeyId"):
            if name not in namespace.properties:
                yield namespace, f"set {name}: AWS's own key admits the whole account"


@_rule("warehouse-password")
def _password(templates: Templates) -> Complaints:
    for namespace in templates.resources(_NAMESPACE):
        properties = namespace.properties
        if properties.get("ManageAdminPassword") is not True or "AdminUserPassword" in properties:
            yield namespace, "let Redshift manage the admin's password: it then rotates"


@_rule("warehouse-role")
def _role(templates: Templates) -> Complaints:
    """The roles of the namespace are anybody's who may run SQL: they read, and no more."""
    taken = {
        role.name
        for namespace in templates.resources(_NAMESPACE)
        for reference in namespace.properties.get("IamRoles", [])
        if (role := templates.named(namespace.stack, reference))
    }
    for policy in templates.resources("AWS::IAM::Policy"):
        roles = [templates.named(policy.stack, each) for each in policy.properties["Roles"]]
        if not any(role and role.name in taken for role in roles):
            continue
        for statement in statements(policy.properties["PolicyDocument"]):
            for action in as_list(statement["Action"]):
                if action not in ("s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"):
                    yield policy, f"whoever runs SQL may {action}"


# --- confused deputies


@_rule("confused-deputy")
def _deputy(templates: Templates) -> Complaints:
    for resource, statement in _about_principals(templates):
        unnamed = set(services(statement))
        if resource.kind == "AWS::IAM::Role":
            unnamed -= _PASSED
        if unnamed and not condition_keys(statement) & _NAMES_A_SOURCE:
            yield resource, f"{', '.join(sorted(unnamed))} may act for any other account"
    for permission in templates.resources("AWS::Lambda::Permission"):
        if not {"SourceArn", "SourceAccount"} & permission.properties.keys():
            yield permission, f"{permission.properties['Principal']} may act for any other account"


@_rule("anybody")
def _anybody(templates: Templates) -> Complaints:
    for resource, statement in _about_principals(templates):
        if statement["Principal"] in ("*", {"AWS": "*"}) and not (
            condition_keys(statement) & _NAMES_A_SOURCE
        ):
            yield resource, "everybody, of any account, is let in"


@_rule("federated-anybody")
def _federated(templates: Templates) -> Complaints:
    """An issuer signs tokens of all its users: who, and for whom, must be exact texts."""
    for role, statement in _about_principals(templates):
        principal = statement["Principal"]
        if not isinstance(principal, dict) or "Federated" not in principal:
            continue
        tests = statement.get("Condition", {})
        exact = {key.rpartition(":")[2] for key in tests.get("StringEquals", {})}
        if missing := {"sub", "aud"} - exact:
            yield role, f"any token of the issuer will do: test its {', '.join(sorted(missing))}"


def _about_principals(templates: Templates) -> Iterator[tuple[Resource, dict[str, Any]]]:
    documents = {
        "AWS::IAM::Role": "AssumeRolePolicyDocument",
        "AWS::KMS::Key": "KeyPolicy",
        "AWS::SQS::QueuePolicy": "PolicyDocument",
        "AWS::SNS::TopicPolicy": "PolicyDocument",
        "AWS::S3::BucketPolicy": "PolicyDocument",
    }
    for resource in templates.resources(*documents):
        for statement in statements(resource.properties[documents[resource.kind]]):
            if statement["Effect"] == "Allow":
                yield resource, statement


# --- what silently delivers nothing


@_rule("undeliverable-event")
def _undeliverable(templates: Templates) -> Complaints:
    """A queue that does not admit the rule, or a dead-letter queue that does not: events vanish."""
    for rule, queue in _deliveries(templates):
        if not any(
            "events.amazonaws.com" in services(statement)
            and "sqs:SendMessage" in as_list(statement["Action"])
            and _is_about(statement, rule)
            for statement in _queue_statements(templates, queue)
        ):
            yield queue, f"does not admit the events of {rule.name}"


@_rule("event-without-dead-letters")
def _no_dead_letters(templates: Templates) -> Complaints:
    for rule in templates.resources("AWS::Events::Rule"):
        for sink in rule.properties.get("Targets", []):
            if "DeadLetterConfig" not in sink:
                yield rule, "an event that cannot be delivered for a day is dropped"
    for schedule in templates.resources(_SCHEDULE):
        if "DeadLetterConfig" not in schedule.properties["Target"]:
            yield schedule, "what it starts in vain for a day is dropped"


@_rule("unstartable-schedule")
def _unstartable(templates: Templates) -> Complaints:
    """Scheduler takes a role on behalf of a group of schedules, never of one schedule."""
    for schedule in templates.resources(_SCHEDULE):
        group = f"schedule-group/{schedule.properties.get('GroupName', 'default')}"
        role = templates.named(schedule.stack, schedule.properties["Target"]["RoleArn"])
        if role is None or not any(
            "scheduler.amazonaws.com" in services(statement)
            and all(fnmatchcase(group, source) for source in _patterns(statement))
            for statement in statements(role.properties["AssumeRolePolicyDocument"])
        ):
            yield schedule, f"its role does not admit Scheduler on behalf of {group}"


@_rule("queue-without-dead-letters")
def _no_redrive(templates: Templates) -> Complaints:
    ends = {queue.name for _, queue in _ends(templates)}
    for queue in templates.resources("AWS::SQS::Queue"):
        if "RedrivePolicy" not in queue.properties and queue.name not in ends:
            yield queue, "a message that is never handled is dropped when it is old enough"


@_rule("dead-letters-unwatched")
def _unwatched(templates: Templates) -> Complaints:
    """NumberOfMessagesSent does not count what SQS moves by itself, so it is no such alarm."""
    watched = {
        (alarm.stack, text(dimension["Value"]))
        for alarm in templates.resources("AWS::CloudWatch::Alarm")
        for metric in _metrics(alarm)
        if metric.get("MetricName")
        in ("ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage")
        for dimension in metric.get("Dimensions", [])
        if dimension["Name"] == "QueueName"
    }
    for queue in {queue.name: queue for _, queue in _ends(templates)}.values():
        name = queue.properties.get("QueueName")
        here = (queue.stack, f"${{{queue.logical_id}.QueueName}}")
        if here not in watched and text(name or "") not in {value for _, value in watched}:
            yield queue, "no alarm tells that something is in it"


@_rule("dead-letters-expire")
def _expiring(templates: Templates) -> Complaints:
    """A message's age counts on in its dead-letter queue: kept as long, it is gone as early."""
    for resource, queue in _ends(templates):
        kept, before = (
            int(each.properties.get("MessageRetentionPeriod", 345_600))
            for each in (queue, resource)
        )
        if resource.kind == "AWS::SQS::Queue" and kept <= before:
            yield queue, f"keeps messages no longer than {resource.name}, whose dead letters it has"


@_rule("unwritable-queue")
def _unwritable(templates: Templates) -> Complaints:
    """An encrypted queue never receives what its key does not admit: rules', schedules' roles'."""
    for schedule in templates.resources(_SCHEDULE):
        target = schedule.properties["Target"]
        role = templates.named(schedule.stack, target["RoleArn"])
        for reference in (target["Arn"], target.get("DeadLetterConfig", {}).get("Arn")):
            queue = templates.named(schedule.stack, reference)
            if queue is None or "KmsMasterKeyId" not in queue.properties:
                continue
            key = templates.named(queue.stack, queue.properties["KmsMasterKeyId"])
            if role is None or key is None or not _key_admits_role(key, role):
                yield queue, f"its key does not admit the role of {schedule.name}"
    for rule, queue in _deliveries(templates):
        key = templates.named(queue.stack, queue.properties.get("KmsMasterKeyId"))
        if "KmsMasterKeyId" not in queue.properties:
            continue
        if key is None or not _key_admits(key, "events.amazonaws.com", rule.properties["Name"]):
            yield queue, f"its key does not admit the events of {rule.name}"


@_rule("unwritable-topic")
def _unwritable_topic(templates: Templates) -> Complaints:
    """An encrypted topic whose key does not admit CloudWatch never hears of an alarm."""
    for alarm in templates.resources("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
        for action in alarm.properties.get("AlarmActions", []):
            topic = templates.named(alarm.stack, action)
            if topic is None or "KmsMasterKeyId" not in topic.properties:
                continue
            key = templates.named(topic.stack, topic.properties["KmsMasterKeyId"])
            name = text(alarm.properties.get("AlarmName", "*"))
            if key is None or not _key_admits(key, "cloudwatch.amazonaws.com", name):
                yield topic, f"its key does not admit the alarm {name}"


@_rule("unheard-alarm")
def _unheard(templates: Templates) -> Complaints:
    """An alarm tells somebody: by an action of its own, or as a part of one that has an action."""
    told = {
        (alarm.stack, text(alarm.properties["AlarmRule"]))
        for alarm in templates.resources("AWS::CloudWatch::CompositeAlarm")
        if alarm.properties.get("AlarmActions")
    }
    for alarm in templates.resources("AWS::CloudWatch::Alarm"):
        parts = (f"${{{alarm.logical_id}.Arn}}", f"${{{alarm.logical_id}}}")
        if not alarm.properties.get("AlarmActions") and not any(
            stack == alarm.stack and part in rule for stack, rule in told for part in parts
        ):
            yield alarm, "it has no action, and is part of no composite alarm that has one"


@_rule("unwritable-log")
def _unwritable_log(templates: Templates) -> Complaints:
    """A log group whose key does not admit CloudWatch Logs for its name cannot be created."""
    for group in templates.resources("AWS::Logs::LogGroup"):
        if "KmsKeyId" not in group.properties:
            continue
        key = templates.named(group.stack, group.properties["KmsKeyId"])
        name = text(group.properties["LogGroupName"])
        if key is None or not any(
            any(service.startswith("logs.") for service in services(statement))
            and any(fnmatchcase(name, pattern) for pattern in _patterns(statement))
            for statement in statements(key.properties["KeyPolicy"])
        ):
            yield group, "its key does not admit the log of this name"


def _dead_letters(resource: Resource) -> Iterator[Any]:
    if redrive := resource.properties.get("RedrivePolicy"):
        yield redrive["deadLetterTargetArn"]
    for sink in (*resource.properties.get("Targets", []), resource.properties.get("Target", {})):
        if "DeadLetterConfig" in sink:
            yield sink["DeadLetterConfig"]["Arn"]


def _ends(templates: Templates) -> Iterator[tuple[Resource, Resource]]:
    """Every queue and rule that has a dead-letter queue, with it."""
    for resource in templates.resources("AWS::SQS::Queue", "AWS::Events::Rule", _SCHEDULE):
        for reference in _dead_letters(resource):
            if queue := templates.named(resource.stack, reference):
                yield resource, queue


def _metrics(alarm: Resource) -> Iterator[Mapping[str, Any]]:
    """What an alarm looks at, alone or in an expression."""
    yield alarm.properties
    for part in alarm.properties.get("Metrics", []):
        yield part.get("MetricStat", {}).get("Metric", {})


def _deliveries(templates: Templates) -> Iterator[tuple[Resource, Resource]]:
    """Every rule with each queue it sends to, in the end or when all else fails."""
    for rule in templates.resources("AWS::Events::Rule"):
        for sink in rule.properties.get("Targets", []):
            for reference in (sink["Arn"], sink.get("DeadLetterConfig", {}).get("Arn")):
                queue = templates.named(rule.stack, reference)
                if queue and queue.kind == "AWS::SQS::Queue":
                    yield rule, queue


def _queue_statements(templates: Templates, queue: Resource) -> Iterator[dict[str, Any]]:
    for policy in templates.resources("AWS::SQS::QueuePolicy"):
        named = [templates.named(policy.stack, each) for each in policy.properties["Queues"]]
        if any(each and each.name == queue.name for each in named):
            for statement in statements(policy.properties["PolicyDocument"]):
                if statement["Effect"] == "Allow":
                    yield statement


def _is_about(statement: Mapping[str, Any], rule: Resource) -> bool:
    sources = [
        value
        for tests in statement.get("Condition", {}).values()
        for key, value in tests.items()
        if key == "aws:SourceArn"
    ]
    return not sources or any(rule.logical_id in text(each) for each in as_list(sources[0]))


def _key_admits(key: Resource, service: str, name: str) -> bool:
    return any(
        service in services(statement)
        and {"kms:Decrypt", "kms:GenerateDataKey"} <= set(as_list(statement["Action"]))
        and any(fnmatchcase(name, pattern) for pattern in _patterns(statement))
        for statement in statements(key.properties["KeyPolicy"])
    )


def _key_admits_role(key: Resource, role: Resource) -> bool:
    """By name, as keys here name roles: a principal must exist when the key is made."""
    name = f"role/{text(role.properties.get('RoleName', role.logical_id))}"
    return any(
        {"kms:Decrypt", "kms:GenerateDataKey"} <= set(as_list(statement["Action"]))
        and fnmatchcase(name, text(pattern).rpartition(":")[2])
        for statement in statements(key.properties["KeyPolicy"])
        for tests in statement.get("Condition", {}).values()
        for pattern in as_list(tests.get("aws:PrincipalArn", []))
    )


def _patterns(statement: Mapping[str, Any]) -> Iterator[str]:
    """The names a statement's conditions are about, without the ARN before them."""
    sources = [
        each
        for tests in statement.get("Condition", {}).values()
        for key, value in tests.items()
        if key in ("aws:SourceArn", "kms:EncryptionContext:aws:logs:arn")
        for each in as_list(value)
    ]
    for source in sources:
        last = text(source).rpartition(":")[2]
        yield last.removeprefix("rule/")
    if not sources:
        yield "*"
