"""The forge's pipeline: nine stages, each cached, that hand each other files and nothing else."""
