"""Several processes that train one network: under `torchrun`, under SLURM's `srun`, or as workers of Ray Train.

Every process holds all data and draws the whole of each batch, as one process alone would; it trains on its share of
it. So the recipe's batch size is that of all processes together, and order, augmentation and mixing do not depend on
how many there are. The first process alone writes, records and prints.
"""
