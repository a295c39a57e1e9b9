"""Who calls: the account's one region and number, and the role or person behind an access key."""

from dataclasses import dataclass

from moto.sts.models import sts_backends

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
PARTITION = "aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Temporary credentials of a role, as STS hands them out."""

    access_key_id: str
    secret_access_key: str
    session_token: str

    def to_env(self) -> dict[str, str]:
        """The variables every AWS SDK reads credentials from."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_SESSION_TOKEN": self.session_token,
        }


def assume(role_arn: str, *, session: str) -> Credentials:
    """Credentials of a role for one of its services; GetCallerIdentity then names role and session.

    `session` is a function's or an execution's name.
    """
    role = sts_backends[ACCOUNT_ID][PARTITION].assume_role(
        region_name=REGION,
        role_session_name=session[:64],
        role_arn=role_arn,
        policy="",
        duration=43_200,
        external_id="",
    )
    return Credentials(
        access_key_id=role.access_key_id,
        secret_access_key=role.secret_access_key,
        session_token=role.session_token,
    )


def principal_of(access_key_id: str) -> str:
    """`role/<name>` for credentials that `assume` gave out, otherwise `user/<access key id>`."""
    role = sts_backends[ACCOUNT_ID][PARTITION].get_assumed_role_from_access_key(access_key_id)
    if role is None:
        return f"user/{access_key_id}"
    return f"role/{role.role_arn.rsplit('/', 1)[-1]}"


def access_key_of(authorization: str) -> str:
    """The access key id of a SigV4 `Authorization` header; empty if it has none."""
    _, _, scope = authorization.partition("Credential=")
    return scope.partition("/")[0]
