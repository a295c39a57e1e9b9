"""boto3 clients of the account, which nothing set up on this machine can lead elsewhere."""

import os
import threading
from collections.abc import Callable
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from local.account.identity import REGION, Credentials

Aws = Callable[[str], Any]  # a client, by service name

# A profile, a proxy, or an endpoint in ~/.aws/config is the user's, for the user's own account.
_NOBODYS_SETTINGS: dict[str, Any] = {
    "profile": (None, [], None, None),
    "config_file": (None, [], os.devnull, None),
    "credentials_file": (None, [], os.devnull, None),
}


def session(credentials: Credentials) -> boto3.session.Session:
    """A session with these credentials and no settings of the user's."""
    return boto3.session.Session(
        aws_access_key_id=credentials.access_key_id,
        aws_secret_access_key=credentials.secret_access_key,
        aws_session_token=credentials.session_token or None,
        region_name=REGION,
        botocore_session=botocore.session.Session(session_vars=_NOBODYS_SETTINGS),
    )


def for_user(name: str, endpoint_url: str) -> Aws:
    """Clients of a user, made once each."""
    user = session(Credentials(access_key_id=name, secret_access_key=name, session_token=""))
    return cached(user, endpoint_url, Config(proxies={}))


def cached(of: boto3.session.Session, endpoint_url: str, config: Config) -> Aws:
    """A session's clients, made once each; sessions are not for several threads, clients are."""
    clients: dict[str, Any] = {}
    lock = threading.Lock()

    def client(service: str) -> Any:
        with lock:
            if service not in clients:
                new_client: Callable[..., Any] = of.client
                clients[service] = new_client(service, endpoint_url=endpoint_url, config=config)
            return clients[service]

    return client
