"""From what a backbone says of several crops to one answer."""

import torch
from torch import Tensor, nn

from lightning_modules.networks.backbone import Backbone

HIDDEN = 128  # width of the attention (Ilse et al. 2018, appendix)


class GatedAttention(nn.Module):
    """Mean of the regions that are present, weighed by softmax(w^T (tanh(V h) * sigmoid(U h))).

    Ilse et al. 2018, "Attention-based Deep Multiple Instance Learning", eq. 9. It starts as the
    plain mean.

    Args:
        num_features: Length E of an embedding.
        num_regions: R.

    Shape: embeddings (B, R, E), present (B, R) bool, one an image at least -> fused (B, E),
    weights (B, R), 1 in sum
    """

    def __init__(self, num_features: int, num_regions: int) -> None:
        super().__init__()
        # added to the embeddings by the gate, so that the classifier knows which region it reads
        self.names = nn.Parameter(torch.zeros(num_regions, num_features))
        self.content = nn.Linear(num_features, HIDDEN)
        self.switch = nn.Linear(num_features, HIDDEN)
        self.score = nn.Linear(HIDDEN, 1, bias=False)
        nn.init.zeros_(self.score.weight)

    def forward(self, embeddings: Tensor, present: Tensor) -> tuple[Tensor, Tensor]:
        """Return the fused embedding and the weight of each region."""
        hidden = self.content(embeddings).tanh() * self.switch(embeddings).sigmoid()
        scores = self.score(hidden)[..., 0].float()
        weights = scores.masked_fill(~present, -torch.inf).softmax(dim=1)
        fused = (weights.to(embeddings.dtype)[..., None] * embeddings).sum(dim=1)
        return fused, weights


def scatter(values: Tensor, place: tuple[Tensor, Tensor], present: Tensor) -> Tensor:
    """Put rows (N, K) at their places of a grid (B, R, K) that is zero elsewhere."""
    return values.new_zeros(*present.shape, values.shape[1]).index_put(place, values)


@torch.no_grad()
def measure_embedding(backbone: Backbone, size: int) -> int:
    """Length of what the last layer reads, found by trying a square image of ``size`` pixels.

    Raises:
        ValueError: The last layer does not turn it into the logits.
    """
    weight = next(backbone.parameters())
    image = torch.linspace(-1, 1, 3 * size * size, device=weight.device, dtype=weight.dtype)
    training = backbone.training
    backbone.eval()
    try:
        features = backbone.features(image.view(1, 3, size, size))
    except Exception as error:  # every architecture has its own way of refusing a size
        reason = str(error).strip().splitlines()[0]
        raise ValueError(
            f"gate.crop_size={size}: {backbone.net.pretrained_cfg['architecture']} does not take "
            f"crops of {size} x {size} pixels ({reason}). Set it to a size it takes."
        ) from error
    expected, embedding = backbone.classify(features), backbone.embed(features)
    try:
        suits = torch.allclose(backbone.head(embedding), expected, atol=1e-5)
    except RuntimeError:  # a head of convolutions, or of two parts
        suits = False
    backbone.train(training)
    if not suits:
        net = backbone.net
        raise ValueError(
            f"gate=crops needs a backbone whose last layer reads a vector; that of "
            f"{net.pretrained_cfg['architecture']} ({type(net).__name__}) does not: choose another "
            "model.backbone or gate=pixel."
        )
    return embedding.shape[1]
