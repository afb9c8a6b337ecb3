"""A two-region disaster-recovery system as CloudFormation: builder, deployer, rehearsal."""

__version__ = "0.1.0"
