"""The local warehouse: the Redshift Data API, answered by an embedded Postgres."""

from local.warehouse.copy.sources import ObjectStore
from local.warehouse.errors import DataApiError
from local.warehouse.reachable import EngineError
from local.warehouse.users import Caller
from local.warehouse.warehouse import Warehouse

__all__ = ["Caller", "DataApiError", "EngineError", "ObjectStore", "Warehouse"]
