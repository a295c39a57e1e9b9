"""The ARNs of what is in the account, from the names that calls use."""

from uuid import NAMESPACE_URL, uuid5

from moto.secretsmanager.models import secretsmanager_backends

from local.account.identity import ACCOUNT_ID, PARTITION, REGION


def arn(service: str, resource: str) -> str:
    """The ARN of a resource of the account's one region; an ARN is left as it is."""
    if resource.startswith("arn:"):
        return resource
    return f"arn:{PARTITION}:{service}:{REGION}:{ACCOUNT_ID}:{resource}"


def bucket(name: str) -> str:
    """A bucket's ARN."""
    return f"arn:{PARTITION}:s3:::{name}"


def queue(url: str) -> str:
    """A queue's ARN, from its URL."""
    return arn("sqs", url.rsplit("/", 1)[-1])


def redshift(kind: str, name: str) -> str:
    """A namespace's or workgroup's ARN: it ends in an id, here the same for the same name."""
    return arn("redshift-serverless", f"{kind}/{uuid5(NAMESPACE_URL, f'{kind}/{name}')}")


def secret(name_or_arn: str) -> str:
    """A secret's ARN, with the six characters Secrets Manager adds; as given if there is none."""
    for found in secretsmanager_backends[ACCOUNT_ID][REGION].secrets.values():
        if name_or_arn in (found.name, found.arn):
            return str(found.arn)
    return arn("secretsmanager", f"secret:{name_or_arn}")
