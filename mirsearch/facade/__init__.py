"""Search and keep a corpus from Python. `mirsearch.open` imports this room when it is called."""

from mirsearch.facade.corpus import Corpus
from mirsearch.facade.panels import CorpusFigure, CorpusPanel, FoundPanel
from mirsearch.facade.parts import PartNames
from mirsearch.facade.results import AnswerHits, FigureList, PanelList
from mirsearch.facade.whole import put_back

__all__ = [
    "AnswerHits", "Corpus", "CorpusFigure", "CorpusPanel", "FigureList", "FoundPanel", "PanelList", "PartNames",
    "put_back",
]  # fmt: skip
