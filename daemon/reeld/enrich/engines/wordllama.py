"""WordLlama: vectors of words in a wheel of 16 MB, whose mean is the meaning of a short text. No network, no torch.

DESIGN: the package's own loader looks for its files beside the working directory and else downloads them; so they are
taken from the package's folder, and the mean is formed here as its `WordLlamaInference` does.
"""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from reeld.enrich.engines.api import Vectors
from reeld.enrich.engines.missing import EngineMissing

NAME = "wordllama"
DIMENSIONS = 256
_WEIGHTS = Path("weights", f"l2_supercat_{DIMENSIONS}.safetensors")
_TOKENIZER = Path("tokenizers", "l2_supercat_tokenizer_config.json")
_BATCH = 256
_SCALE = 127


class WordLlamaEmbedder:
    """One model in memory, 33 MB. Raises EngineMissing."""

    name = NAME

    def __init__(self) -> None:
        spec = find_spec(NAME)
        folders = [Path(place) for place in (spec.submodule_search_locations or ())] if spec is not None else []
        folder = next((each for each in folders if (each / _WEIGHTS).is_file() and (each / _TOKENIZER).is_file()), None)
        try:
            from safetensors.numpy import load_file  # noqa: PLC0415 - only this engine needs them
            from tokenizers import Tokenizer  # noqa: PLC0415

            self.version = f"{version(NAME)}/{DIMENSIONS}"
        except (ImportError, PackageNotFoundError) as error:
            raise EngineMissing("WordLlama is not installed: pip install 'reeld[enrich]'") from error
        if folder is None:
            raise EngineMissing("WordLlama is installed without its model: pip install --force-reinstall wordllama")
        (weights,) = load_file(folder / _WEIGHTS).values()
        self._weights = np.ascontiguousarray(weights, np.float32)
        self._tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()

    def embed(self, texts: list[str]) -> Vectors:
        """See `Embedder`."""
        out = np.zeros((len(texts), DIMENSIONS), np.int8)
        for first in range(0, len(texts), _BATCH):
            batch = self._tokenizer.encode_batch(texts[first : first + _BATCH], add_special_tokens=False)
            for place, encoded in enumerate(batch, first):
                tokens = np.minimum(np.asarray(encoded.ids, np.int64), len(self._weights) - 1)
                mean = self._weights[tokens].mean(axis=0) if len(tokens) else np.zeros(DIMENSIONS, np.float32)
                length = float(np.linalg.norm(mean))
                if length:
                    out[place] = np.rint(mean / length * _SCALE)
        return out
