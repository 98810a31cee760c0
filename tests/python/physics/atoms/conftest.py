"""What tests of networks share."""

import pytest


@pytest.fixture
def one_thread_of_torch():
    """Small tensors on a busy machine: waiting for the second thread takes longer than the work."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
