"""SQS, SNS and Scheduler."""

import json

from moto.cloudformation.exceptions import ValidationError

from local.account import arns
from local.account.permissions import trusts
from local.account.resources.resource import Created, Request, resource_type


@resource_type("AWS::SQS::QueuePolicy")
def _queue_policy(request: Request) -> Created:
    policy = json.dumps(request.properties["PolicyDocument"])
    for url in request.properties["Queues"]:
        request.aws("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    return Created(ref=request.name, attributes={"Id": request.name})


@resource_type("AWS::SNS::TopicPolicy")
def _topic_policy(request: Request) -> Created:
    policy = json.dumps(request.properties["PolicyDocument"])
    for arn in request.properties["Topics"]:
        request.aws("sns").set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=policy
        )
    return Created(ref=request.name, attributes={"Id": request.name})


@resource_type("AWS::SNS::Subscription")
def _subscription(request: Request) -> Created:
    properties = dict(request.properties)
    arguments = {name: properties.pop(name) for name in ("TopicArn", "Protocol", "Endpoint")}
    attributes = {
        name: json.dumps(value) if isinstance(value, dict) else str(value).lower()
        for name, value in properties.items()
        if name != "Region"
    }
    arn = request.aws("sns").subscribe(
        **arguments, Attributes=attributes, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    return Created(ref=arn, attributes={"Arn": arn})


@resource_type("AWS::Scheduler::Schedule", name="Name")
def _schedule(request: Request) -> Created:
    client, arguments = request.aws("scheduler"), {**request.properties, "Name": request.name}
    if arguments["Target"]["Arn"].startswith("arn:aws:scheduler:::"):
        raise ValidationError(message="universal targets of schedules are not emulated")
    group = arns.arn("scheduler", f"schedule-group/{arguments.get('GroupName', 'default')}")
    if not trusts(arguments["Target"]["RoleArn"], "scheduler.amazonaws.com", source_arn=group):
        raise ValidationError(
            message="The execution role you provide must allow AWS EventBridge Scheduler to assume"
            f" the role, on behalf of {group}"
        )
    put = client.create_schedule if request.existing is None else client.update_schedule
    return Created(ref=request.name, attributes={"Arn": put(**arguments)["ScheduleArn"]})
