"""Which device a process evaluates on."""

import pytest

from gasearch.potential.device import device_name


@pytest.mark.parametrize(
    ("asked", "gpus", "environment", "name"),
    [
        ("auto", 0, {}, "cpu"),
        ("auto", 1, {}, "cuda:0"),
        ("cpu", 4, {"SLURM_LOCALID": "2"}, "cpu"),
        ("auto", 4, {"SLURM_LOCALID": "2"}, "cuda:2"),
        ("auto", 2, {"OMPI_COMM_WORLD_LOCAL_RANK": "5"}, "cuda:1"),
        ("cuda", 0, {}, "cuda:0"),  # torch says that there is none
    ],
)
def test_the_ranks_of_a_node_take_its_gpus_in_turn(asked, gpus, environment, name):
    assert device_name(asked, gpus, environment) == name
