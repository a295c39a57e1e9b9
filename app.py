"""The stacks of one environment: `cdk deploy -c environment=staging --all`."""

from config.deployment import Deployment
from stacks.constructs.app import SluiceApp
from stacks.delivery_stack import DeliveryStack
from stacks.keys_stack import KeysStack
from stacks.network_stack import NetworkStack
from stacks.observability_stack import ObservabilityStack
from stacks.pipeline_stack import PipelineStack
from stacks.procedures_stack import ProceduresStack
from stacks.storage_stack import StorageStack
from stacks.warehouse_stack import WarehouseStack


def build(app: SluiceApp, deployment: Deployment | None = None) -> SluiceApp:
    """Put the stacks of the app's environment into it, or of a deployment that has no file."""
    deployment = deployment or Deployment.load(app.environment)
    keys = KeysStack(app, deployment)
    storage = StorageStack(app, deployment)
    if deployment.network:
        storage.add_stack_dependency(network := NetworkStack(app, deployment, deployment.network))
        network.add_stack_dependency(keys)
    if deployment.delivery:
        DeliveryStack(app, deployment, deployment.delivery)
    warehouse = WarehouseStack(app, deployment)
    pipeline = PipelineStack(app, deployment)
    procedures = ProceduresStack(app, deployment)
    storage.add_stack_dependency(keys)
    warehouse.add_stack_dependency(storage)
    pipeline.add_stack_dependency(warehouse)
    procedures.add_stack_dependency(pipeline)
    # it refers to nothing by reference; only the log groups must be there
    ObservabilityStack(app, deployment).add_stack_dependency(procedures)
    return app


if __name__ == "__main__":
    build(SluiceApp()).synth()
