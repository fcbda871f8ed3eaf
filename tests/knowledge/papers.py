"""Small documents made in a moment: PDFs whose letters stand where a test puts them, and office files."""

import zipfile
from pathlib import Path

A4 = (595, 842)


def pdf(path: Path, *pages: list[tuple[float, float, float, str]], extra: str = "", catalog: str = "") -> Path:
    """A PDF of pages of (x, y, size, text). Each letter is drawn half its size wide, from left to right.

    So Arabic is given as it stands on paper. `extra` are more objects, `catalog` more entries of the catalog.
    """
    letters = sorted({letter for page in pages for *_, text in page for letter in text})
    codes = {letter: number for number, letter in enumerate(letters, start=1)}
    lines = "\n".join(f"<{code:02x}> <{letter.encode('utf-16-be').hex()}>" for letter, code in codes.items())
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        f"1 begincodespacerange <00> <ff> endcodespacerange {len(codes)} beginbfchar\n{lines}\n"
        "endbfchar endcmap end end"
    )
    widths = " ".join(["500"] * max(len(codes), 1))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R {catalog} >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{' '.join(f'{5 + 2 * n} 0 R' for n in range(len(pages)))}] >>",
        f"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /FirstChar 1 /LastChar {len(codes)} "
        f"/Widths [{widths}] /ToUnicode 4 0 R >>",
        f"<< /Length {len(cmap)} >>\nstream\n{cmap}\nendstream",
    ]
    for number, page in enumerate(pages):
        drawn = "\n".join(
            f"BT /F1 {size} Tf 1 0 0 1 {x} {y} Tm <{''.join(f'{codes[letter]:02x}' for letter in text)}> Tj ET"
            for x, y, size, text in page
        )
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {A4[0]} {A4[1]}] /Contents {6 + 2 * number} 0 R "
            "/Resources << /Font << /F1 3 0 R >> >> >>"
        )
        objects.append(f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream")
    if extra:
        objects.append(extra)
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, text in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{text}\nendobj\n".encode()
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{place:010d} 00000 n \n".encode() for place in places)
    out += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()
    path.write_bytes(out)
    return path


def docx(path: Path, body: str, **parts: bytes) -> Path:
    """A Word document of WordprocessingML paragraphs, and more parts by name (_ for /)."""
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        archive.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
            'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
            'Target="word/document.xml"/></Relationships>',
        )
        archive.writestr("word/document.xml", f"<w:document {w}><w:body>{body}</w:body></w:document>")
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/"), content)
    return path


def paragraph(text: str, style: str = "") -> str:
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r><w:t>{text}</w:t></w:r></w:p>"


def xlsx(path: Path, *rows: list[object]) -> Path:
    from openpyxl import Workbook

    book = Workbook()
    assert book.active
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def visual(text: str) -> str:
    """An Arabic line as it stands on paper, left to right."""
    from bidi import get_display

    return get_display(text, base_dir="R")
