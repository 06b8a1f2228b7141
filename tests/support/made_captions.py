"""Captions written in the styles of materials and life-science journals, with the words that belong to each panel."""

from __future__ import annotations

CAPTIONS: tuple[tuple[str, dict[str, str], str], ...] = (
    # Nature and Science families: bare letters, commas, capitals
    (
        "a, SEM image of the porous film. b, TEM image of one pore. c, Histogram of pore widths.",
        {"a": "SEM image porous film", "b": "TEM ~image one ~pore", "c": "Histogram ~pore widths"},
        "",
    ),
    (
        "Fig. 1 | Growth of wires. a, Sketch of the furnace. b–d, SEM images after 1 min (b), 5 min (c) and 20 min "
        "(d). Scale bars, 2 µm (b–d).",
        {"a": "Sketch furnace", "b": "SEM images 1 min", "c": "SEM images 5 min", "d": "SEM images 20 min"},
        "Growth of wires",
    ),
    (
        "Figure 2: Strain in layers. a Bright-field image. b Dark-field image of the same area. c, d Strain maps "
        "along x (c) and y (d).",
        {"a": "Bright field", "b": "Dark ~field same area", "c": "Strain maps along x", "d": "Strain maps along y"},
        "Strain in layers",
    ),
    (
        "a, b, Optical images before (a) and after (b) annealing. c, Raman spectra.",
        {"a": "Optical images before annealing", "b": "Optical images after annealing", "c": "Raman spectra"},
        "",
    ),
    (
        "a | Confocal stack of neurons. b | Its projection. Scale bars, 10 µm.",
        {"a": "Confocal stack neurons", "b": "projection"},
        "Scale bars 10",
    ),
    (
        "(A) Wild-type larvae. (B) Mutant larvae. (C) Number of somites (n = 12). Scale bar: 100 µm.",
        {"a": "Wild larvae", "b": "Mutant larvae", "c": "Number somites"},
        "Scale bar 100",
    ),
    (
        "A) Light micrograph of the root. B) Its cross-section. C) Close-up of the stele.",
        {"a": "Light micrograph root", "b": "cross section", "c": "Close stele"},
        "",
    ),
    (
        "A, Hematoxylin staining. B, Trichrome staining. C and D, Higher magnification of A and B, respectively.",
        {
            "a": "Hematoxylin staining",
            "b": "Trichrome staining",
            "c": "Higher magnification ~A",
            "d": "Higher magnification ~B",
        },
        "",
    ),
    (
        "(a) Photograph of the device, (b) its cross section and (c) the current it carries.",
        {"a": "Photograph device", "b": "cross section", "c": "current carries"},
        "",
    ),
    (
        "Low- (a) and high-magnification (b) SEM images of the foam.",
        {"a": "Low SEM images foam", "b": "high magnification SEM images foam"},
        "",
    ),
    (
        "SEM images of foam at low (a) and high (b) magnification.",
        {"a": "SEM images foam low", "b": "SEM images foam high"},
        "",
    ),
    (
        "SEM micrographs of: (a) untreated wood; (b) bleached wood; (c) charred wood.",
        {"a": "untreated", "b": "bleached", "c": "charred"},
        "SEM",
    ),
    (
        "TEM images of (a, b) gold and (c, d) silver particles.",
        {"a": "TEM images gold", "b": "TEM images gold", "c": "TEM images silver", "d": "TEM images silver"},
        "",
    ),
    (
        "(a–c) SEM of ZnO grown at (a) 2 h, (b) 4 h and (c) 8 h. (d) XRD patterns of all samples.",
        {"a": "SEM ZnO 2 h", "b": "SEM ZnO 4 h", "c": "SEM ZnO 8 h", "d": "XRD patterns"},
        "",
    ),
    (
        "(a)–(c) Fluorescence images of cells stained for actin (a), tubulin (b) and DNA (c). (d) Merge.",
        {
            "a": "Fluorescence cells actin",
            "b": "Fluorescence cells tubulin",
            "c": "Fluorescence cells DNA",
            "d": "Merge",
        },
        "",
    ),
    (
        "Morphology of the alloys. (a) As cast; (b) homogenized; (c) aged for 4 h; (d) aged for 16 h.",
        {"a": "cast", "b": "homogenized", "c": "aged 4", "d": "aged 16"},
        "Morphology alloys",
    ),
    (
        "(a) HAADF-STEM image and corresponding EDX maps of (b) Ni, (c) Co and (d) O.",
        {"a": "HAADF STEM image", "b": "EDX maps Ni", "c": "EDX maps Co", "d": "EDX maps O"},
        "",
    ),
    (
        "(a) Overview, (b–e) EDS maps of Fe, Cr, Ni and Mo, respectively.",
        {"a": "Overview", "b": "EDS maps Fe", "c": "EDS maps Cr", "d": "EDS maps Ni", "e": "EDS maps Mo"},
        "",
    ),
    (
        "(a) STEM image. (b)–(d) Elemental maps of (b) Ti, (c) O, and (d) N from the region boxed in (a).",
        {"a": "STEM image", "b": "Elemental maps Ti", "c": "Elemental maps O", "d": "Elemental maps N"},
        "",
    ),
    (
        "Panels a–c show vesicles; panel d shows a lysosome.",
        {"a": "vesicles", "b": "vesicles", "c": "vesicles", "d": "lysosome"},
        "",
    ),
    (
        "Panel A shows the bare electrode and panel B the coated electrode.",
        {"a": "bare electrode", "b": "coated electrode"},
        "",
    ),
    (
        "Panels (a) and (b): fracture surfaces; panel (c): fatigue striations.",
        {"a": "fracture surfaces", "b": "fracture surfaces", "c": "fatigue striations"},
        "",
    ),
    (
        "(i) Film as deposited, (ii) after 200 °C, (iii) after 400 °C, (iv) after 600 °C.",
        {"i": "Film deposited", "ii": "after 200", "iii": "after 400", "iv": "after 600"},
        "",
    ),
    (
        "SEM images of scaffolds: (i) PLA, (ii) PCL, and (iii) gelatin.",
        {"i": "PLA", "ii": "PCL", "iii": "gelatin"},
        "SEM scaffolds",
    ),
    (
        "(a1) Initial state; (a2) after loading; (b1) initial microstructure; (b2) final microstructure.",
        {"a1": "Initial state", "a2": "after loading", "b1": "initial microstructure", "b2": "final microstructure"},
        "",
    ),
    (
        "(a1–a3) SEM images of S1, S2 and S3; (b1–b3) the corresponding contact angles.",
        {
            "a1": "SEM images",
            "a2": "SEM images",
            "a3": "SEM images",
            "b1": "contact angles",
            "b2": "contact angles",
            "b3": "contact angles",
        },
        "",
    ),
    (
        "Cross sections of the coating after (A) 10, (B) 20, and (C) 50 cycles.",
        {"a": "Cross sections coating 10", "b": "Cross sections coating 20", "c": "Cross sections coating 50"},
        "",
    ),
    (
        "AFM height images (5 × 5 µm2) of (a) bare mica, (b) mica with lipid; (c) line profile along the dashed line "
        "in (b).",
        {"a": "AFM height bare mica", "b": "AFM height mica lipid", "c": "line profile dashed"},
        "",
    ),
    (
        "(a,b) TEM, (c) HRTEM and (d) SAED pattern of a rod.",
        {"a": "TEM rod", "b": "TEM rod", "c": "HRTEM rod", "d": "SAED pattern rod"},
        "",
    ),
    (
        "(a) TEM image, (b) HRTEM image and (c) SAED pattern of the sample shown in Figure 2c.",
        {"a": "TEM image sample", "b": "HRTEM image sample", "c": "SAED pattern sample"},
        "",
    ),
    (
        "(a) SEM image of the fibers. Inset: diameter distribution. (b) TEM image of a fiber. Inset: its SAED pattern.",
        {"a": "SEM fibers diameter distribution", "b": "TEM fiber SAED pattern"},
        "",
    ),
    (
        "(a) Particles before and (b) after calcination; insets in (a) and (b) show photographs of the powders.",
        {"a": "Particles before photographs powders", "b": "after calcination photographs powders"},
        "",
    ),
    (
        "Optical micrographs of crystals grown from water (a), ethanol (b), acetone (c).",
        {"a": "Optical crystals water", "b": "Optical crystals ethanol", "c": "Optical crystals acetone"},
        "",
    ),
    (
        "Crystals grown from (a) water [12], (b) ethanol (99 %), and (c) acetone (Sigma, USA).",
        {"a": "Crystals grown water", "b": "Crystals grown ethanol", "c": "Crystals grown acetone"},
        "",
    ),
    (
        "Images taken in planes (a) (100), (b) (110) and (c) (111) of the cubic phase.",
        {"a": "Images planes 100", "b": "Images planes 110", "c": "Images planes 111"},
        "",
    ),
    (
        "(a) Current (A) against time (s), (b) voltage (V) against time (s).",
        {"a": "Current time", "b": "voltage time"},
        "",
    ),
    (
        "(a) Pore volume at p/p0 = 0.99 (i.e., total). (b) Surface area (cf. ref. 12).",
        {"a": "Pore volume total", "b": "Surface area"},
        "",
    ),
    (
        "(a) E. coli on glass; (b) S. aureus on glass; (c) B. subtilis on steel.",
        {"a": "coli glass", "b": "aureus glass", "c": "subtilis steel"},
        "",
    ),
    (
        "(a) Approx. 5 nm particles (see Fig. S3a), (b) approx. 20 nm particles (see Fig. S3b).",
        {"a": "Approx 5 nm particles", "b": "approx 20 nm particles"},
        "",
    ),
    (
        "Live (green) and dead (red) cells on (a) glass, (b) PDMS, (c) gold at day 1 and (d–f) the same at day 7.",
        {
            "a": "cells glass",
            "b": "cells PDMS",
            "c": "cells gold ~day",
            "d": "same day 7",
            "e": "same day 7",
            "f": "same day 7",
        },
        "",
    ),
    (
        "(a) Setup. (b) Enlarged view of the nozzle in (a). (c) Printed grid, (d) its enlarged view.",
        {"a": "Setup", "b": "Enlarged view nozzle", "c": "Printed grid", "d": "enlarged view"},
        "",
    ),
    (
        "SEM images: (a, c, e) top views; (b, d, f) cross-sectional views.",
        {
            "a": "top views",
            "b": "cross sectional views",
            "c": "top views",
            "d": "cross sectional views",
            "e": "top views",
            "f": "cross sectional views",
        },
        "SEM images",
    ),
    (
        "(a), (c) and (e): membranes cast from NMP; (b), (d) and (f): membranes cast from DMF.",
        {
            "a": "membranes cast NMP",
            "b": "membranes cast DMF",
            "c": "membranes cast NMP",
            "d": "membranes cast DMF",
            "e": "membranes cast NMP",
            "f": "membranes cast DMF",
        },
        "",
    ),
    (
        "(a to d) Time series of a droplet: 0, 2, 4 and 8 ms. (e) Its height.",
        {
            "a": "Time series droplet",
            "b": "Time series droplet",
            "c": "Time series droplet",
            "d": "Time series droplet",
            "e": "height",
        },
        "",
    ),
    (
        "a) and b) Micrographs of steel, c) hardness, d) and e) wear tracks.",
        {"a": "Micrographs steel", "b": "Micrographs steel", "c": "hardness", "d": "wear tracks", "e": "wear tracks"},
        "",
    ),
    (
        "a–c) SEM images of the anode, cathode and separator. d) Cell voltage.",
        {"a": "SEM images anode", "b": "SEM images ~anode", "c": "SEM images ~anode", "d": "Cell voltage"},
        "",
    ),
    (
        "a,b) Top and side views of the lattice. c) Band structure. d) Density of states.",
        {"a": "views lattice", "b": "views lattice", "c": "Band structure", "d": "Density states"},
        "",
    ),
    (
        "Characterization of MoS2: a) XRD pattern, b) Raman spectrum, c) SEM image, d) TEM image (scale bar 50 nm).",
        {"a": "XRD pattern", "b": "Raman spectrum", "c": "SEM image", "d": "TEM image"},
        "",
    ),
    (
        "[a] Scanning electron image. [b] Backscattered electron image.",
        {"a": "Scanning electron image", "b": "Backscattered electron image"},
        "",
    ),
    (
        "(a): the raw powder. (b): the milled powder. (c): the sintered pellet.",
        {"a": "raw powder", "b": "milled powder", "c": "sintered pellet"},
        "",
    ),
    ("(a.) Raw cellulose. (b.) Bleached cellulose.", {"a": "Raw cellulose", "b": "Bleached cellulose"}, ""),
    (
        "A. Untreated cells. B. Cells treated with 5 µM drug. C. Recovery after washing.",
        {"a": "Untreated cells", "b": "Cells treated drug", "c": "Recovery washing"},
        "",
    ),
    (
        "(A, B) Scanning electron micrographs of pollen from (A) lily and (B) pine. (C) Pollen tube length.",
        {"a": "Scanning electron pollen lily", "b": "Scanning electron pollen pine", "c": "~pollen tube length"},
        "",
    ),
    (
        "(A–B′) Whole-mount embryos; (B′) enlarges the box in (B). (C) Quantification.",
        {
            "a": "Whole mount embryos",
            "b": "Whole mount embryos",
            "b′": "Whole mount embryos enlarges box",
            "c": "Quantification",
        },
        "",
    ),
    (
        "Microstructure of the joint: (a) base metal, (b) heat-affected zone, (c) fusion zone. Etched in nital. "
        "All images are at the same magnification.",
        {"a": "base metal", "b": "heat affected zone", "c": "fusion zone"},
        "all images same magnification",
    ),
    (
        "Effect of pH on shape: (a) pH 3; (b) pH 7; (c) pH 11. The scale bars are 500 nm.",
        {"a": "pH 3", "b": "pH 7", "c": "pH 11"},
        "scale bars 500",
    ),
    (
        "(a) Schematic illustration of the synthesis; (b) SEM, (c) TEM and (d) HRTEM images of the product.",
        {
            "a": "Schematic illustration synthesis",
            "b": "SEM images product",
            "c": "TEM images product",
            "d": "HRTEM images product",
        },
        "",
    ),
    (
        "Comparison of (left) raw and (right) filtered signals: (a) first and (b) second channel.",
        {"a": "first", "b": "second channel"},
        "",
    ),
    (
        "Fluorescence (a) and bright-field (b) images of beads; overlay (c).",
        {"a": "Fluorescence images beads", "b": "bright field images beads", "c": "overlay"},
        "",
    ),
    (
        "(a) Cyclic voltammograms at 5 mV s−1; (b) galvanostatic curves at 1 A g−1; (c) rate capability from 0.1 to "
        "5 C.",
        {"a": "Cyclic voltammograms 5", "b": "galvanostatic curves", "c": "rate capability ~5"},
        "",
    ),
    (
        "Figure 4. (a) Film cracked at 2.5 % strain. (b) Film at 5.0 % strain. Reproduced with permission from ref. 7. "
        "Copyright 2019, Elsevier.",
        {"a": "cracked 2 5 strain", "b": "5 0 strain"},
        "Reproduced permission",
    ),
    (
        "Supplementary Figure 3. Extended data on films. (a) Thickness by ellipsometry. (b) Roughness by AFM.",
        {"a": "Thickness ellipsometry", "b": "Roughness AFM"},
        "Extended data films",
    ),
    (
        "(a) Sample A; (b) sample B; (c) sample C; (d) sample D.",
        {"a": "Sample A", "b": "sample B", "c": "sample C", "d": "sample D"},
        "",
    ),
    (
        "TEM micrographs of the (a) PS-b-PMMA, (b) PS-b-P2VP and (c) PI-b-PS films.",
        {"a": "TEM micrographs PMMA", "b": "TEM micrographs P2VP", "c": "TEM micrographs PI"},
        "",
    ),
    (
        "(a) SEM image of sample S-1 (0.1 M), (b) of sample S-2 (0.5 M) and (c) of sample S-3 (1 M).",
        {"a": "SEM image sample 0 1 ~M", "b": "sample 0 5 ~M", "c": "sample 1 M"},
        "",
    ),
    (
        "(a) Vitamin C (ascorbic acid) crystals; (b) vitamin E capsules.",
        {"a": "~vitamin ascorbic acid crystals", "b": "vitamin E capsules"},
        "",
    ),
    (
        "Optical images of (a) droplets; inset: enlarged droplet; and (b) jets; inset: enlarged jet.",
        {"a": "Optical images droplets enlarged droplet", "b": "~optical ~images jets enlarged jet"},
        "",
    ),
    (
        "(a–d) Bright-field TEM images: (a) as-quenched, (b) 1 h, (c) 10 h, (d) 100 h; (e–h) the corresponding "
        "dark-field images.",
        {
            "a": "Bright field TEM images quenched",
            "b": "Bright field TEM images 1 h",
            "c": "Bright field TEM images 10 h",
            "d": "Bright field TEM images 100 h",
            "e": "corresponding dark field images",
            "f": "corresponding dark field images",
            "g": "corresponding dark field images",
            "h": "corresponding dark field images",
        },
        "",
    ),
    (
        "Evolution of the crack. Frames (a), (b), (c) correspond to 10 N, 20 N and 30 N.",
        {"a": "correspond", "b": "correspond", "c": "correspond"},
        "Evolution crack",
    ),
    (
        "SEM image (a) and EDS spectrum (b) of the scale formed at 900 °C; SEM image (c) and EDS spectrum (d) of that "
        "formed at 1100 °C.",
        {"a": "SEM image 900", "b": "EDS spectrum 900", "c": "SEM image 1100", "d": "EDS spectrum 1100"},
        "",
    ),
    (
        "a) Flow chart of the process, b) photograph of the reactor, and c, d) SEM images of the product "
        "at low and high magnification, respectively.",
        {
            "a": "Flow chart process",
            "b": "photograph reactor",
            "c": "SEM images product low",
            "d": "SEM images product high",
        },
        "",
    ),
    (
        "Representative TEM images of exosomes isolated by (A) ultracentrifugation, (B) precipitation, "
        "and (C) chromatography. Arrowheads mark broken vesicles. Scale bar = 100 nm.",
        {"a": "ultracentrifugation", "b": "precipitation", "c": "chromatography"},
        "Scale bar",
    ),
    (
        "(A) H&E and (B) Masson staining of heart sections 4 weeks after surgery. (C) Fibrotic area "
        "(mean ± SD, n = 6).",
        {"a": "H E", "b": "Masson staining heart sections", "c": "Fibrotic area"},
        "",
    ),
    (
        "SEM images of (a,d) pristine, (b,e) etched and (c,f) coated fibers; (a–c) low magnification, "
        "(d–f) high magnification.",
        {
            "a": "pristine low magnification",
            "b": "etched low magnification",
            "c": "coated low magnification",
            "d": "pristine high magnification",
            "e": "etched high magnification",
            "f": "coated high magnification",
        },
        "",
    ),
    (
        "Figure 7. Comparison of grain size: (a) 800 °C, 1 h; (b) 800 °C, 4 h; (c) 900 °C, 1 h.",
        {"a": "800 1 h", "b": "800 4 h", "c": "900 1 h"},
        "Comparison grain size",
    ),
    (
        "a, Cryo-EM micrograph. b, Selected 2D class averages. c, Local resolution map. d, FSC curves.",
        {"a": "Cryo EM micrograph", "b": "Selected 2D class averages", "c": "Local resolution map", "d": "FSC curves"},
        "",
    ),
    (
        "(a) Optical micrograph and (b) Raman map of the flake in the dashed box in (a).",
        {"a": "Optical micrograph ~flake ~dashed ~box", "b": "Raman map flake dashed box"},
        "",
    ),
    (
        "Field-emission SEM images of (a) NiO, (b) Co3O4, and (c, d) NiCo2O4 under different magnifications.",
        {"a": "NiO", "b": "Co3O4", "c": "NiCo2O4", "d": "NiCo2O4"},
        "",
    ),
    (
        "Morphological changes of the cells (A: control; B: 10 µM; C: 50 µM).",
        {"a": "control", "b": "10 µM", "c": "50 µM"},
        "",
    ),
    (
        "(a-c) AFM topography and (d-f) phase images of films annealed at 25, 100 and 150 °C.",
        {
            "a": "AFM topography films annealed ~images",
            "b": "AFM topography films annealed ~images",
            "c": "AFM topography films annealed ~images",
            "d": "phase images films annealed",
            "e": "phase images films annealed",
            "f": "phase images films annealed",
        },
        "",
    ),
    (
        "(I) Untreated; (II) treated; (III) recovered.",
        {"i": "Untreated", "ii": "treated", "iii": "recovered"},
        "",
    ),
    (
        "Fig. 3: Wetting. a: contact angle of water; b: contact angle of oil; c: SEM image of the surface.",
        {"a": "contact angle water", "b": "contact angle oil", "c": "SEM image surface"},
        "Wetting",
    ),
    (
        "(a) Bright-field and (b) dark-field TEM image of dislocations; (c) the same after straining by 2 %.",
        {"a": "Bright field ~image ~dislocations", "b": "dark field TEM image dislocations", "c": "same straining"},
        "",
    ),
    (
        "Panels: (a) bare glass, (b) glass with silane.",
        {"a": "bare glass", "b": "glass silane"},
        "",
    ),
    (
        "(a) Low-magnification TEM image with the corresponding SAED pattern as inset; (b) HRTEM image "
        "of the region marked by a square in panel a.",
        {"a": "Low magnification TEM image SAED pattern inset", "b": "HRTEM image region square"},
        "",
    ),
    (
        "SEM (A, C) and TEM (B, D) images of liposomes without (A, B) and with (C, D) cholesterol.",
        {"a": "SEM ~cholesterol", "b": "TEM ~cholesterol", "c": "SEM ~cholesterol", "d": "TEM cholesterol"},
        "",
    ),
    (
        "(a) Sample geometry. All dimensions in mm. (b) Fracture surface (SEM, 5 kV).",
        {"a": "Sample geometry", "b": "Fracture surface"},
        "",
    ),
    (
        "XRD patterns (a) and SEM images (b–d) of S1 (b), S2 (c) and S3 (d).",
        {"a": "XRD patterns", "b": "SEM images S1", "c": "SEM images S2", "d": "SEM images S3"},
        "",
    ),
    (
        "(a) and (b) show pits; (c) and (d) show cracks.",
        {"a": "pits", "b": "pits", "c": "cracks", "d": "cracks"},
        "",
    ),
)
"""Caption, own words by panel, general words. A panel must have its words and none of the others' ("~": it may)."""

PLACES: tuple[tuple[str, dict[str, str]], ...] = (
    ("Top: map of zinc. Bottom: map of oxygen.", {"top": "map zinc", "bottom": "map oxygen"}),
    ("SEM images of a wing (left) and a leg (right).", {"left": "SEM images wing", "right": "SEM images leg"}),
    (
        "Left panel: raw image; middle panel: filtered image; right panel: mask.",
        {"left": "raw image", "middle": "filtered image", "right": "mask"},
    ),
    ("(Left) A wire as grown. (Right) The same wire after etching.", {"left": "grown", "right": "etching"}),
    ("Upper row: control cells. Lower row: starved cells.", {"top": "control cells", "bottom": "starved cells"}),
)

NO_PANELS: tuple[str, ...] = (
    "SEM image of a fracture surface (scale bar 20 nm).",
    "HRTEM image along (1 0 0) of the phase (A2/m).",
    "Ni(OH)2 and Co(OH)2 sheets (SEM).",
    "Particle size (d50) against milling time (h).",
    "The role of (S)-naproxen and (R)-naproxen.",
    "Growth at T = 5 K (c-axis up).",
)
