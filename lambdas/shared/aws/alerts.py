"""Notifications to people: best effort, so that none of them ever fails a load."""

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.shared.aws import clients
from lambdas.shared.aws.log import logger

_MAX_SUBJECT = 100
"""SNS refuses a longer subject, and one that is not ASCII or breaks lines (Publish, SNS API)."""
_MAX_MESSAGE_BYTES = 262_144


class Alerts:
    """One SNS topic."""

    def __init__(self, topic_arn: str) -> None:
        self.topic_arn = topic_arn

    def publish(self, *, subject: str, message: str) -> bool:
        """Whether SNS took it; a refusal is only logged."""
        subject = subject.encode("ascii", "replace").decode().replace("\n", " ")[:_MAX_SUBJECT]
        body = message.encode()[:_MAX_MESSAGE_BYTES].decode(errors="ignore")
        try:
            clients.sns().publish(TopicArn=self.topic_arn, Subject=subject, Message=body)
        except (ClientError, BotoCoreError) as error:
            logger().warning("notification not sent", subject=subject, reason=str(error))
            return False
        return True
