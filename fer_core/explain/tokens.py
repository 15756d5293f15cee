"""Vision transformers: which of their tokens stand for which place of the picture, and what they attend to.

Dosovitskiy et al. 2021, An image is worth 16x16 words, arXiv 2010.11929, as timm builds them: tokens that stand for no
place (the class token, DeiT's distillation token, registers) come first, then one per patch, row by row.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from fer_core.errors import ModelError


@dataclass(frozen=True)
class Grid:
    """How tokens are laid out.

    Attributes:
        prefix: tokens before those of the patches.
        height: patches in a column.
        width: patches in a row.
        channels: numbers a token has.
        answers: which tokens the answer is read from; the patches themselves where it is empty.
    """

    prefix: int
    height: int
    width: int
    channels: int
    answers: tuple[int, ...]

    @property
    def tokens(self) -> int:
        """Tokens in all."""
        return self.prefix + self.height * self.width

    def split(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens (N, T, D) as those of no place (N, prefix, D) and the others as maps (N, D, h, w)."""
        places = tokens[:, self.prefix :].transpose(1, 2)
        return tokens[:, : self.prefix], places.reshape(len(tokens), tokens.shape[2], self.height, self.width)

    def join(self, prefix: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """The tokens that `split` took apart."""
        return torch.cat((prefix, maps.flatten(2).transpose(1, 2)), 1)


def grid_of(model: nn.Module) -> Grid | None:
    """The layout of a vision transformer's tokens; None for any other network."""
    embed, blocks = getattr(model, "patch_embed", None), getattr(model, "blocks", None)
    size, prefix = getattr(embed, "grid_size", None), getattr(model, "num_prefix_tokens", None)
    if not (isinstance(blocks, nn.Sequential) and len(blocks) and isinstance(prefix, int) and size and len(size) == 2):
        return None
    if not all(hasattr(getattr(block, "attn", None), "fused_attn") and hasattr(block, "norm1") for block in blocks):
        return None
    pooled = getattr(model, "global_pool", "token") != "token" or not prefix
    answering = 2 if hasattr(model, "head_dist") else 1  # DeiT's distilled networks answer by two tokens' mean
    channels = int(getattr(model, "embed_dim", 0))
    return Grid(prefix, int(size[0]), int(size[1]), channels, () if pooled else tuple(range(answering)))


def token_layers(model: nn.Module) -> list[str]:
    """Names of the modules whose tokens a map can be made of, first to last; empty for any other network.

    The normalised tokens that go into each block's attention: what the last block gives out for a patch no longer
    reaches the answer where that is read from the class token.
    """
    if grid_of(model) is None:
        return []
    return [f"blocks.{place}.norm1" for place in range(len(model.blocks))]  # type: ignore[arg-type]


@contextlib.contextmanager
def _unfused(attentions: list[Any]) -> Iterator[None]:
    """Attention computed step by step, so that its weights can be seen; on leaving as it was."""
    before = [attention.fused_attn for attention in attentions]
    try:
        for attention in attentions:
            attention.fused_attn = False
        yield
    finally:
        for attention, fused in zip(attentions, before, strict=True):
            attention.fused_attn = fused


def rolled_out(model: nn.Module, inputs: torch.Tensor) -> torch.Tensor:
    """How much of each patch reaches what the answer is read from, through the attention of all blocks.

    Attention roll-out (Abnar and Zuidema 2020, Quantifying attention flow in transformers, arXiv 2005.00928): the mean
    over the heads, half of it and half of the identity for the residual, multiplied block by block. Only the running
    product is kept.

    Args:
        model: a vision transformer in evaluation mode; call it within `undisturbed`.
        inputs: (N, C, S, S).

    Returns:
        (N, h, w), each 0 to 1; with what lies in tokens of no place they sum to 1.

    Raises:
        ModelError: another network, or one whose attention cannot be seen.
    """
    grid = grid_of(model)
    if grid is None:
        raise ModelError(
            f"{type(model).__name__} is no vision transformer, so that there is no attention to roll out. Choose "
            "gradcam or another method."
        )
    attentions: list[Any] = [block.attn for block in model.blocks]  # type: ignore[union-attr]
    flow = torch.eye(grid.tokens, device=inputs.device).repeat(len(inputs), 1, 1)
    seen = 0

    def roll(_module: nn.Module, arguments: tuple[Any, ...]) -> None:
        nonlocal flow, seen
        weights = arguments[0].detach().float().mean(1)  # over the heads
        flow = (0.5 * weights @ flow + 0.5 * flow) if weights.shape == flow.shape else flow
        seen += weights.shape == flow.shape

    handles = []
    try:
        with _unfused(attentions), torch.no_grad():
            handles = [attention.attn_drop.register_forward_pre_hook(roll) for attention in attentions]
            model(inputs)
    finally:
        for handle in handles:
            handle.remove()
    if seen != len(attentions):
        raise ModelError(
            f"Attention was seen in {seen} of the {len(attentions)} blocks of {type(model).__name__}, so that it "
            "cannot be rolled out. Choose gradcam or another method."
        )
    rows = flow[:, list(grid.answers)] if grid.answers else flow[:, grid.prefix :]
    return rows.mean(1)[:, grid.prefix :].reshape(len(inputs), grid.height, grid.width)
