"""Resource types of CloudFormation that moto lacks, or deploys with half their properties."""
