"""A small template with one of everything the account must get right."""

from typing import Any

ACCOUNT, REGION = "123456789012", "us-east-1"
ASSETS = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
ASSET_KEY = "handlers.zip"


def function(handler: str, **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "Code": {"S3Bucket": ASSETS, "S3Key": ASSET_KEY},
            "Handler": handler,
            "Runtime": "python3.12",
            "Role": {"Fn::GetAtt": ["Role", "Arn"]},
            "Timeout": 10,
            "Environment": {"Variables": {"SEEN_TABLE": {"Ref": "Seen"}}},
            **more,
        },
    }


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def admit_rule(queue_id: str, rule_id: str) -> dict[str, Any]:
    return {
        "Type": "AWS::SQS::QueuePolicy",
        "Properties": {
            "Queues": [{"Ref": queue_id}],
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "events.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": {"Fn::GetAtt": [queue_id, "Arn"]},
                        "Condition": {
                            "ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": [rule_id, "Arn"]}}
                        },
                    }
                ]
            },
        },
    }


def rule(prefix: str, target_id: str, **target: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Events::Rule",
        "Properties": {
            "State": "ENABLED",
            "EventPattern": {
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {
                    "bucket": {"name": [{"Ref": "Data"}]},
                    "object": {"key": [{"prefix": prefix}]},
                },
            },
            "Targets": [
                {"Id": "Target", "Arn": {"Fn::GetAtt": [target_id, "Arn"]}, **target},
            ],
        },
    }


RETRY = {"ErrorEquals": ["OrderLockedError"], "IntervalSeconds": 20, "MaxAttempts": 2}
MACHINE = {
    "StartAt": "Wait",
    "States": {
        "Wait": {"Type": "Wait", "SecondsPath": "$.wait", "Next": "Try"},
        "Try": {
            "Type": "Task",
            "Resource": "${Mood}",
            "TimeoutSecondsPath": "$.timeout",
            "Retry": [RETRY],
            "Catch": [
                {"ErrorEquals": ["OrderLockedError"], "ResultPath": "$.failure", "Next": "Caught"},
                {"ErrorEquals": ["Sandbox.Timedout"], "Next": "Slow"},
                {"ErrorEquals": ["Runtime.ExitError"], "Next": "Crashed"},
                {"ErrorEquals": ["States.Timeout"], "Next": "Late"},
            ],
            "ResultSelector": {
                "started.$": "$$.Execution.StartTime",
                "answer.$": "$",
            },
            "End": True,
        },
        "Caught": {"Type": "Pass", "End": True},
        "Slow": {"Type": "Pass", "Result": "slow", "End": True},
        "Crashed": {"Type": "Pass", "Result": "crashed", "End": True},
        "Late": {"Type": "Pass", "Result": "late", "End": True},
    },
}

WORK = [
    {"Effect": "Allow", "Action": action, "Resource": f"arn:aws:{resource}"}
    for action, resource in (
        ("dynamodb:UpdateItem", f"dynamodb:{REGION}:{ACCOUNT}:table/seen"),
        ("lambda:InvokeFunction", f"lambda:{REGION}:{ACCOUNT}:function:*"),
        ("logs:*", f"logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/*"),
        ("sqs:*", f"sqs:{REGION}:{ACCOUNT}:arrivals"),
        ("s3:GetObject", "s3:::data/allowed/*"),
    )
]

TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "BootstrapVersion": {
            "Type": "AWS::SSM::Parameter::Value<String>",
            "Default": "/cdk-bootstrap/hnb659fds/version",
        }
    },
    "Resources": {
        "Role": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "RoleName": "worker",
                "Policies": [{"PolicyName": "work", "PolicyDocument": {"Statement": WORK}}],
                "AssumeRolePolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "lambda.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ]
                },
            },
        },
        "Data": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": "data",
                "VersioningConfiguration": {"Status": "Enabled"},
                "NotificationConfiguration": {
                    "EventBridgeConfiguration": {"EventBridgeEnabled": True}
                },
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "work",
                            "Status": "Enabled",
                            "Prefix": "work/",
                            "ExpirationInDays": 7,
                            "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
                        }
                    ]
                },
                "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
            },
        },
        "TlsOnly": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": {"Ref": "Data"},
                "PolicyDocument": {
                    "Statement": [
                        {
                            "Effect": "Deny",
                            "Principal": {"AWS": "*"},
                            "Action": "s3:*",
                            "Resource": [{"Fn::GetAtt": ["Data", "Arn"]}],
                            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                        }
                    ]
                },
            },
        },
        "Quiet": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "quiet"}},
        "Seen": {
            "Type": "AWS::DynamoDB::GlobalTable",
            "Properties": {
                "TableName": "seen",
                "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
                "BillingMode": "PAY_PER_REQUEST",
                "Replicas": [{"Region": REGION}],
            },
        },
        "ArrivalsDead": queue(QueueName="arrivals-dead"),
        "Arrivals": queue(
            QueueName="arrivals",
            VisibilityTimeout=30,
            RedrivePolicy={
                "deadLetterTargetArn": {"Fn::GetAtt": ["ArrivalsDead", "Arn"]},
                "maxReceiveCount": 3,
            },
        ),
        "ArrivalsRule": rule("in/", "Arrivals"),
        "ArrivalsPolicy": admit_rule("Arrivals", "ArrivalsRule"),
        "Locked": queue(QueueName="locked"),
        "EventsDead": queue(QueueName="events-dead"),
        "LockedRule": rule(
            "locked/",
            "Locked",
            DeadLetterConfig={"Arn": {"Fn::GetAtt": ["EventsDead", "Arn"]}},
        ),
        "EventsDeadPolicy": admit_rule("EventsDead", "LockedRule"),
        "Observed": queue(QueueName="observed"),
        "ObservedRule": rule("watch/", "Observed"),
        "ObservedPolicy": admit_rule("Observed", "ObservedRule"),
        "States": queue(QueueName="states"),
        "StatesRule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {
                    "source": ["aws.states"],
                    "detail": {"stateMachineArn": [{"Ref": "Machine"}]},
                },
                "Targets": [{"Id": "Target", "Arn": {"Fn::GetAtt": ["States", "Arn"]}}],
            },
        },
        "StatesPolicy": admit_rule("States", "StatesRule"),
        "Mood": function("handlers.mood.handler", FunctionName="mood", Timeout=2),
        "Broken": function("handlers.broken.handler", FunctionName="broken"),
        "Stamp": function("handlers.stamp.handler", FunctionName="stamp"),
        "Ask": function("handlers.ask.handler", FunctionName="ask"),
        "Batch": function("handlers.batch.handler", FunctionName="batch"),
        "BatchSource": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": ["Arrivals", "Arn"]},
                "FunctionName": {"Ref": "Batch"},
                "BatchSize": 5,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": 2},
            },
        },
        "MachineLog": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": "/aws/vendedlogs/states/machine"},
        },
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": "machine",
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
                "Definition": MACHINE,
                "DefinitionSubstitutions": {"Mood": {"Fn::GetAtt": ["Mood", "Arn"]}},
                "LoggingConfiguration": {
                    "Level": "ALL",
                    "IncludeExecutionData": False,
                    "Destinations": [
                        {
                            "CloudWatchLogsLogGroup": {
                                "LogGroupArn": {"Fn::GetAtt": ["MachineLog", "Arn"]}
                            }
                        }
                    ],
                },
            },
        },
        "Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": "notices"}},
        "Stamped": {
            "Type": "Custom::Stamp",
            "DependsOn": ["Seen"],
            "Properties": {
                "ServiceToken": {"Fn::GetAtt": ["Stamp", "Arn"]},
                "Number": 7,
                "Flag": True,
            },
        },
        "Metadata": {"Type": "AWS::CDK::Metadata", "Properties": {}},
    },
    "Outputs": {
        "Bucket": {"Value": {"Ref": "Data"}},
        "LedgerTable": {"Value": {"Ref": "Seen"}},
        "TopicArn": {"Value": {"Ref": "Topic"}},
        "StateMachineArn": {"Value": {"Ref": "Machine"}},
        "DeadLetterQueueUrl": {"Value": {"Ref": "ArrivalsDead"}},
        "Stamp": {"Value": {"Fn::GetAtt": ["Stamped", "Seen"]}},
    },
}
