# xas_mini.py with labelled pairs that are rendered while it trains: none
# comes twice, and none lies on disk.
_base_ = ['./xas_mini.py']

train_dataloader = dict(
    # Ahead of the training: a core renders some 30 pairs a second.
    num_workers=2,
    persistent_workers=True,
    dataset=dict(datasets=[
        {{_base_.target_train}},
        # Another seed than the set's on disk: other people.
        dict(type='OnlineSyntheticPairDataset', num=4800, seed=1)
    ]))
