"""A book of three pages in a folder of its own, with the project's own configuration."""

import shutil
from pathlib import Path

from gbanalysis.publish.project import Project

REPOSITORY = Path(__file__).parents[2]

INDEX = """# Small book

Start with [the rates](sales/rates.md), with {numref}`fig-rates`, or with [refunds](quality/refunds.md#refunds).
"""

RATES = """---
kernelspec:
  name: python3
gbanalysis:
  tables: [order_lines]
---

# Rates

```{code-cell} python
:tags: [parameters]

scale = 2
```

The scale is {glue:text}`scale`. 团长 and $x^2$.

```{code-cell} python
---
mystnb:
  figure:
    caption: The rates by day.
    name: fig-rates
  image:
    alt: A line that rises from 0 to 4.
---
import matplotlib.pyplot as plt
from myst_nb import glue

glue("scale", scale, display=False)
figure, axes = plt.subplots()
axes.plot([0, scale, 2 * scale]);
```

## Suppliers

```{code-cell} python
:tags: [needs-suppliers]

raise ValueError("no suppliers")
```

## After

The end.
"""

REFUNDS = """---
kernelspec:
  name: python3
---

# Refunds

```{code-cell} python
:tags: [parameters]

scale = 3
```

```{code-cell} python
import plotly.graph_objects as go

go.Figure(go.Bar(x=["</script><script>alert(1)</script>"], y=[scale]))
```
"""

TOC = """format: jb-book
root: index
options: {numbered: 1}
parts:
  - caption: Sales
    chapters:
      - file: sales/rates
  - caption: Quality
    chapters:
      - file: quality/refunds
"""


def make_project(root: Path) -> Project:
    """Write the small book's sources into a new folder."""
    book = root / "book"
    shutil.copytree(REPOSITORY / "book" / "_static", book / "_static")
    shutil.copyfile(REPOSITORY / "_config.yml", root / "_config.yml")
    pages = {"index": INDEX, "sales/rates": RATES, "quality/refunds": REFUNDS}
    for name, text in pages.items():
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / f"{name}.md").write_text(text, "utf-8")
    (book / "references.bib").write_text("", "utf-8")
    (root / "_toc.yml").write_text(TOC, "utf-8")
    (root / "requirements.lock").write_text("numpy==2\n", "utf-8")
    data = root / "data" / "sample"
    data.mkdir(parents=True)
    (data / "order_lines.csv").write_text("line_id\n1\n", "utf-8")
    return Project(root=root, work=root, installed=False)
