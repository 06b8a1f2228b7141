"""Write small files in the formats of microscopes, as the tests need them; each by the format's public description."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DM_TYPES = {"i2": (1, 2), "f4": (2, 6), "c8": (3, 15), "u1": (6, 10), "u2": (10, 4), "i4": (7, 3), "f8": (12, 7)}
"""Type of samples and type of tag of an array, by the name of the samples' type."""


def write_dm(
    path: Path, samples: NDArray[Any], scale: float = 1.0, unit: str = "nm", version: int = 3, name: str = "image",
    modes: tuple[str, str] = ("STEM", "SCANNING"),
) -> Path:  # fmt: skip
    """Write an image (h, w) or stack (n, h, w) with a thumbnail before it, as DigitalMicrograph does."""
    size = ">Q" if version == 4 else ">I"

    def data(tag: str, told: list[int], value: bytes) -> bytes:
        body = b"%%%%" + struct.pack(size, len(told)) + b"".join(struct.pack(size, part) for part in told) + value
        return head(21, tag, body)

    def head(kind: int, tag: str, body: bytes) -> bytes:
        length = struct.pack(">Q", len(body)) if version == 4 else b""
        return struct.pack(">BH", kind, len(tag)) + tag.encode() + length + body

    def group(tag: str, *children: bytes) -> bytes:
        return head(20, tag, b"\1\0" + struct.pack(size, len(children)) + b"".join(children))

    def number(tag: str, value: int) -> bytes:
        return data(tag, [3], struct.pack("<i", value))

    def text(tag: str, value: str) -> bytes:
        return data(tag, [20, 4, len(value)], value.encode("utf-16-le"))

    def array(pixels: NDArray[Any]) -> bytes:
        code = _DM_TYPES[pixels.dtype.str[1:]][1]
        told = [20, 15, 0, 2, 0, 6, 0, 6, pixels.size] if code == 15 else [20, code, pixels.size]
        return data("Data", told, pixels.tobytes())

    def image(pixels: NDArray[Any], *more: bytes) -> bytes:
        sizes = pixels.shape[::-1]
        axes = [group("", data("Scale", [6], struct.pack("<f", scale)), text("Units", unit)) for _ in sizes]
        content = group(
            "ImageData", array(pixels), number("DataType", _DM_TYPES[pixels.dtype.str[1:]][0]),
            group("Dimensions", *(number("", side) for side in sizes)),
            group("Calibrations", group("Dimension", *axes)),
        )  # fmt: skip
        return group("", content, *more)

    info = group("Microscope Info", text("Illumination Mode", modes[0]), text("Operation Mode", modes[1]),
                 data("Voltage", [6], struct.pack("<f", 200_000.0)))  # fmt: skip
    small = np.zeros((4, 4), "<u1")
    root = (
        group("ImageList", image(small), image(samples, text("Name", name), group("ImageTags", info))),
        group("Thumbnails", group("", number("ImageIndex", 0))),
    )
    body = b"\1\0" + struct.pack(size, len(root)) + b"".join(root)
    path.write_bytes(struct.pack(">I", version) + struct.pack(size, len(body)) + struct.pack(">I", 1) + body + bytes(8))
    return path


def write_ser(path: Path, images: NDArray[Any], meters_per_px: float, kind: int = 0x4122) -> Path:
    """Write images (n, h, w) of uint16 as a series of TIA."""
    count, height, width = images.shape
    blocks = [
        struct.pack("<ddiddiHii", 0.0, meters_per_px, 0, 0.0, meters_per_px, 0, 2, width, height)
        + np.ascontiguousarray(image[::-1]).astype("<u2").tobytes()
        for image in images
    ]
    start = 34
    offsets = [start + 8 * count * 2 + sum(map(len, blocks[:at])) for at in range(count)]
    head = struct.pack("<HHHIIIIQI", 0x4949, 0x0197, 0x0220, kind, 0x4152, count, count, start, 0)
    tags = [0] * count
    path.write_bytes(head + struct.pack(f"<{2 * count}Q", *offsets, *tags) + b"".join(blocks))
    return path


def write_czi(path: Path, planes: dict[tuple[int, int], NDArray[Any]], xml: str, tiles: int = 1) -> Path:
    """Write planes of uint16 by (channel, z), each cut into `tiles` columns, without compression, as CZI."""
    content = bytearray(_czi_segment(b"ZISRAWFILE", bytes(512)))
    entries = []
    for (channel, z), plane in planes.items():
        for part in range(tiles):
            width = plane.shape[1] // tiles
            samples = plane[:, part * width : (part + 1) * width]
            entry = _czi_entry(len(content), channel, z, part * width, samples.shape)
            entries.append(entry)
            body = struct.pack("<iiq", 0, 0, samples.nbytes) + entry
            body = body.ljust(256, b"\0") + np.ascontiguousarray(samples).astype("<u2").tobytes()
            content += _czi_segment(b"ZISRAWSUBBLOCK", body)
    directory = len(content)
    content += _czi_segment(b"ZISRAWDIRECTORY", struct.pack("<i", len(entries)).ljust(128, b"\0") + b"".join(entries))
    metadata = len(content)
    encoded = xml.encode()
    content += _czi_segment(b"ZISRAWMETADATA", struct.pack("<ii", len(encoded), 0).ljust(256, b"\0") + encoded)
    content[32 + 52 : 32 + 68] = struct.pack("<qq", directory, metadata)
    path.write_bytes(content)
    return path


def _czi_segment(name: bytes, body: bytes) -> bytes:
    return struct.pack("<16sqq", name, len(body), len(body)) + body


def _czi_entry(offset: int, channel: int, z: int, left: int, shape: tuple[int, ...]) -> bytes:
    height, width = shape
    places = (("X", left, width), ("Y", 0, height), ("C", channel, 1), ("Z", z, 1))
    axes = b"".join(struct.pack("<4siifi", name.encode(), start, size, 0.0, size) for name, start, size in places)
    return struct.pack("<2siqiiB5si", b"DV", 1, offset, 0, 0, 0, bytes(5), len(places)) + axes


def write_lif(path: Path, samples: NDArray[np.uint8], meters: float, tables: tuple[str, ...]) -> Path:
    """Write an image (channels, h, w) of Leica's LIF, with the width in meters and a lookup table for each channel."""
    height, width = samples.shape[1:]
    channels = "".join(
        f'<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="" Min="0" Max="255" '
        f'Unit="" LUTName="{name}" IsLUTInverted="0" BytesInc="{at * height * width}" BitInc="0"/>'
        for at, name in enumerate(tables)
    )
    axes = "".join(
        f'<DimensionDescription DimID="{axis}" NumberOfElements="{size}" Origin="0" Length="{length}" Unit="m" '
        f'BitInc="0" BytesInc="{step}"/>'
        for axis, size, length, step in ((1, width, meters, 1), (2, height, meters, width))
    )
    xml = (
        '<LMSDataContainerHeader Version="2"><Element Name="set" Visibility="1" CopyOption="1"><Memory Size="0" '
        'MemoryBlockID="MemBlock_0"/><Children><Element Name="cells" Visibility="1"><Data><Image><ImageDescription>'
        f"<Channels>{channels}</Channels><Dimensions>{axes}</Dimensions></ImageDescription></Image></Data>"
        f'<Memory Size="{samples.nbytes}" MemoryBlockID="MemBlock_1"/></Element></Children></Element>'
        "</LMSDataContainerHeader>"
    ).encode("utf-16-le")
    name = "MemBlock_1".encode("utf-16-le")
    head = struct.pack("<IIBI", 0x70, len(xml) + 5, 0x2A, len(xml) // 2) + xml
    block = struct.pack("<IIBQBI", 0x70, 14 + len(name), 0x2A, samples.nbytes, 0x2A, len(name) // 2) + name
    path.write_bytes(head + block + samples.tobytes())
    return path


def write_nd2(path: Path, frames: NDArray[np.uint16], micrometers: float, names: tuple[str, ...]) -> Path:
    """Write a z-stack (depth, h, w, channels) of Nikon's ND2 of today, with its chunks and their map."""
    depth, height, width, count = frames.shape
    attributes = _nd2_level("SLxImageAttributes", {
        "uiWidth": width, "uiWidthBytes": width * 2 * count, "uiHeight": height, "uiComp": count, "uiBpcInMemory": 16,
        "uiBpcSignificant": 16, "uiSequenceCount": depth, "eCompression": 2,
    })  # fmt: skip
    lines = {"uiCount": 1, "pPoint": {"Point0": {"eType": 3, "dWavelength": 500.0, "dTValue": 1.0}}}
    probe = {"m_ExcitationSpectrum": lines, "m_EmissionSpectrum": lines}
    planes = {
        f"a{at}": {"sDescription": name, "uiColor": 0xFF << (8 * at), "uiCompCount": 1, "uiSampleIndex": at,
                   "pFluorescentProbe": probe}
        for at, name in enumerate(names)
    }  # fmt: skip
    metadata = _nd2_level("SLxPictureMetadata", {
        "bCalibrated": True, "dCalibration": micrometers, "sPicturePlanes": {"uiCount": count, "sPlaneNew": planes},
    })  # fmt: skip
    loop = {"uiCount": depth, "dZLow": 0.0, "dZHigh": 1.0, "dZStep": 1.0}
    experiment = _nd2_level("SLxExperiment", {"eType": 4, "uLoopPars": loop})
    chunks = {
        b"ImageAttributesLV!": attributes, b"ImageMetadataSeqLV|0!": metadata, b"ImageMetadataLV!": experiment,
        **{f"ImageDataSeq|{at}!".encode(): bytes(8) + frame.tobytes() for at, frame in enumerate(frames)},
    }  # fmt: skip
    content = struct.pack("<IIQ32s64s", 0x0ABECEDA, 32, 64, b"ND2 FILE SIGNATURE CHUNK NAME01!", b"Ver3.0")
    places = b""
    for name, data in chunks.items():
        places += name + struct.pack("<QQ", len(content), len(data))
        content += struct.pack("<IIQ", 0x0ABECEDA, 4072, len(data)) + name.ljust(4072, b"\0") + data
    places += b"ND2 CHUNK MAP SIGNATURE 0000001!" + struct.pack("<Q", len(content))
    filemap = b"ND2 FILEMAP SIGNATURE NAME 0001!"
    content += struct.pack("<IIQ", 0x0ABECEDA, len(filemap), len(places)) + filemap + places
    path.write_bytes(content)
    return path


def _nd2_level(name: str, items: dict[str, Any]) -> bytes:
    """Return a level of named values in the binary form of ND2's metadata."""
    children = b"".join(_nd2_item(key, value) for key, value in items.items())
    head = bytes((11, len(name) + 1)) + f"{name}\0".encode("utf-16-le")
    length = len(head) + 12 + len(children)
    return head + struct.pack("<IQ", len(items), length) + children + bytes(8 * len(items))


def _nd2_item(name: str, value: Any) -> bytes:
    if isinstance(value, dict):
        return _nd2_level(name, value)
    kind, data = (
        (1, struct.pack("<B", value)) if isinstance(value, bool)
        else (6, struct.pack("<d", value)) if isinstance(value, float)
        else (8, f"{value}\0".encode("utf-16-le")) if isinstance(value, str)
        else (3, struct.pack("<I", value))
    )  # fmt: skip
    return bytes((kind, len(name) + 1)) + f"{name}\0".encode("utf-16-le") + data
