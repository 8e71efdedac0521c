"""A model without attention: it sees the last few tokens side by side, and nothing before them.

The neural language model of Bengio et al. (2003): look up the embeddings of the window, put them in a
row, push the row through a small network. It stands here to be compared with: what it cannot learn,
however long it trains, is what needs a longer or a movable view.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lessons_lib.arguments import instance
from lessons_lib.config import WindowMLPConfig
from lessons_lib.model.refusals import refuse_tokens


class WindowMLP(nn.Module):
    """Map tokens (batch, position) to logits (batch, position, vocab_size) from `window` tokens each."""

    def __init__(self, config: WindowMLPConfig) -> None:
        super().__init__()
        instance(WindowMLPConfig, config=config)
        self.config = config
        self.nothing = config.vocab_size  # id that stands before the first token
        self.embed = nn.Embedding(config.vocab_size + 1, config.embed_dim)
        self.w1 = nn.Linear(config.window * config.embed_dim, config.hidden_dim)
        self.w2 = nn.Linear(config.hidden_dim, config.hidden_dim)
        self.head = nn.Linear(config.hidden_dim, config.vocab_size)

    def forward(self, tokens: Tensor) -> Tensor:
        refuse_tokens(tokens, self.config)
        padded = F.pad(tokens, (self.config.window - 1, 0), value=self.nothing)
        windows = padded.unfold(1, self.config.window, 1)  # (batch, position, window)
        x = torch.relu(self.w1(self.embed(windows).flatten(2)))
        return self.head(torch.relu(self.w2(x)))
