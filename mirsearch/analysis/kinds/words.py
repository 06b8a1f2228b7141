"""Weigh what a caption's words say about a panel: how strongly they support each kind and each technique."""

from __future__ import annotations

import re

from mirsearch.settings import LIMITS

_TECHNIQUES: tuple[tuple[str, float, str], ...] = (
    ("HRTEM", 3.0, r"\bHR-?\s?(?:S?TEM)\b|\bhigh[- ]resolution (?:transmission|TEM)|lattice (?:fringe|image)"),
    ("Cryo-TEM", 3.5, r"\bcryo(?:genic)?[- ]?(?:S?TEM|EM|electron|transmission)|\bvitrified"),
    ("STEM", 2.6, r"\b(?:HAADF|ADF|LAADF|ABF)\b|\b(?:high-angle )?annular (?:dark|bright)|\bSTEM\b|Z-contrast"
                  r"|scanning transmission|dark[- ]field (?:TEM|STEM|transmission)"),
    ("EDX", 2.8, r"\bE(?:DX|DS|DAX|DXS|FTEM)\b(?![- ]spectr)|energy[- ]dispersive"
                 r"|element(?:al)? (?:map|distribution|analys)"
                 r"|\b(?:EDX|EDS|elemental|compositional|chemical|XPS|Raman|EELS)[- ]map"),
    ("EBSD", 3.0, r"\bEBSD\b|backscatter(?:ed)? (?:electron )?diffraction|inverse pole figure|\bIPF\b"),
    ("diffraction", 2.4, r"\bSAED\b|\bSAD\b|\bSAEDP?\b|electron diffraction|diffraction patterns? of"
                         r"|(?<!inverse )\bFFT\b|\bLaue\b|\bCBED\b|\bNBED\b|\bRHEED\b|\bLEED\b"),
    ("TEM", 2.2, r"(?<![A-Za-z-])TEM\b|transmission electron|bright[- ]field (?:TEM|image|transmission)|\bBF-?TEM\b"),
    ("SEM", 2.2, r"\b(?:FE-?|FEG-?|cryo-?|E|LV-?)?SEMs?\b|scanning electron|\bFIB\b"
                 r"|secondary electron|back-?scattered electron"),
    ("AFM", 2.6, r"\bAFM\b|atomic force|\bKPFM\b|\bPFM\b|\bSPM\b|height (?:image|profile)s?|tapping mode|topograph"),
    ("STM", 2.8, r"\bSTM\b|scanning tunnell?ing"),
    ("fluorescence", 2.4, r"fluorescen|confocal|\bCLSM\b|\bLSCM\b|epi-?fluor|\bDAPI\b|immuno(?:stain|fluor|label)"
                          r"|two-photon|\bFITC\b|\bHoechst\b|live[ /-]dead|\bSTED\b|\bSTORM\b|light[- ]sheet"
                          r"|rhodamine|photoluminescence (?:image|map)|\b(?:[ems]|sf)?[GRYCB]FP\b|mCherry|tdTomato"
                          r"|mRuby|mScarlet|GCaMP|calcium imaging|in situ hybridi[sz]ation chain|\bHCR\b|\bFISH\b"),
    ("optical", 2.2, r"optical (?:micro|image)|light micro|bright[- ]?field (?:micro|optical|light)|phase[- ]contrast"
                     r"|polari[sz]ed (?:optical|light)|\bPOM\b|\bDIC\b"
                     r"|dark[- ]field (?:optical|micro)|microscope (?:image|photo)"
                     r"|\bH ?& ?E\b|histolog|h(?:a?e)matoxylin|eosin|trichrome|immunohistochem|\bIHC\b|\bNissl\b"
                     r"|toluidine|safranin|alizarin|metallograph|stereo ?micro"
                     r"|micrographs? of (?:the )?(?:droplet|emulsion|crystal)"),
)  # fmt: skip
"""Technique, weight of its words, and their pattern."""

_KINDS: tuple[tuple[str, float, str], ...] = (
    ("schematic", 2.0, r"schematic|illustration|diagram|cartoon|flow ?chart|process flow|mechanism|structure model"
                       r"|equivalent circuit|crystal structure|molecular structure|workflow"
                       r"|drawing|setup|configuration|scheme|\brenderings?\b"),
    ("plot", 1.6, r"\bcurves?\b|\bplots?\b|spectr(?:a|um)|\bXRD\b|patterns? of|profiles?"
                  r"|histogram|distribution|voltammo"
                  r"|capacity|isotherm|\bXPS\b|Raman|cycling|impedance|density of states"
                  r"|fitted|dependence|performance"
                  r"|as a function of|versus|\bvs\b|\bEIS\b|Nyquist|\bTGA?\b|\bFTIR\b|\bUV\b|intensity"),
    ("photo", 2.0, r"photo(?:graph)?s?\b|\bpictures?\b|digital (?:image|photo)|camera"
                   r"|optical images? of (?:the )?(?:device|film|cell|coin)"
                   r"|appearance"),
    ("map", 2.0, r"\bmaps?\b|\bmapping\b|\bsegmentations?\b"),
    ("gel", 2.4, r"\b(?:western|northern|southern|dot|immuno)[- ]?blot|\bblots?\b|\bSDS[- ]?PAGE\b|electrophore"
                 r"|\bin-gel\b|agarose gels?\b|autoradiogra"),
    ("diffraction", 2.2, r"\bSAED\b|\bSAD\b|electron diffraction|(?<!inverse )\bFFT\b|fast Fourier"
                         r"|diffraction pattern"),
    ("micrograph", 1.6, r"\bimages?\b|micrograph|microscop|\bS?TEM\b|\bSEM\b|\bAFM\b|\bHAADF\b"
                        r"|cross-?section|morpholog"),
)  # fmt: skip
"""Kind, weight of its words, and their pattern."""

_NESTED = re.compile(r"\(?\binsets?\b[^.;)]*+\)?|\bcorresponding [^,.;]{0,200}\(inset\)", re.IGNORECASE)
_TECHNIQUE_PATTERNS = [(name, weight, re.compile(pattern, re.IGNORECASE)) for name, weight, pattern in _TECHNIQUES]
_KIND_PATTERNS = [(name, weight, re.compile(pattern, re.IGNORECASE)) for name, weight, pattern in _KINDS]


def technique_votes(words: str) -> dict[str, float]:
    """Return how strongly words support each technique (0 and up); unsupported ones are left out."""
    return _votes(_remove_insets(words), _TECHNIQUE_PATTERNS)


def kind_votes(words: str) -> dict[str, float]:
    """Return how strongly words support each kind of panel (0 and up); unsupported ones are left out."""
    return _votes(_remove_insets(words), _KIND_PATTERNS)


def _remove_insets(words: str) -> str:
    """Return words without those about an inset, which say nothing of the panel around it."""
    return _NESTED.sub(" ", words[: LIMITS.caption_parsed_chars])


def _votes(words: str, patterns: list[tuple[str, float, re.Pattern[str]]]) -> dict[str, float]:
    """Return the weight of each name whose pattern occurs: higher for more mentions and for an early one."""
    votes = {}
    for name, weight, pattern in patterns:
        positions = [match.start() for match in pattern.finditer(words)]
        if positions:
            earliness = 1.0 if positions[0] < 60 else 0.7
            votes[name] = weight * earliness * (1 + 0.15 * min(3, len(positions) - 1))
    return votes
