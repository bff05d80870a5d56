"""A book of three pages in a folder of its own, with the project's own configuration."""

import os
import shutil
import subprocess
import sys
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
---
mystnb:
  figure:
    caption: One bar with a name that tries to run.
    name: fig-bar
  image:
    alt: One bar of height 3.
---
import plotly.graph_objects as go

go.Figure(go.Bar(x=["</script><script>alert(1)</script>"], y=[scale]))
```
"""

TOC = """format: jb-book
root: index
defaults: {numbered: 1}
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
    write_data(root / "data" / "sample")
    return Project(root=root, work=root, installed=False)


def write_data(folder: Path, **texts: str) -> Path:
    """Write the smallest sound data set; `texts` replaces or adds whole tables as CSV text."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "order_lines": "line_id,order_id,user_id,site_id,sku_id,ordered_at,fulfilled_on,quantity,amount\n"
        "l1,o1,u1,s1,k1,2024-01-01 10:00:00,2024-01-02,1,9.5\n",
        "products": "sku_id,category\nk1,fruit\n",
        "sites": "site_id,region\ns1,Guangdong\n",
        **texts,
    }
    for table, text in tables.items():
        (folder / f"{table}.csv").write_text(text, "utf-8")
    return folder


def run_build(root: Path, *words: str, package: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Build the small book in a process of its own, with the package that lies in `package`."""
    return subprocess.run(
        command(root, *words),
        env=environment(package),
        cwd=root,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def command(root: Path, *words: str) -> list[str]:
    """The command that `run_build` runs."""
    return [sys.executable, str(Path(__file__).with_name("run_build.py")), str(root), *words]


def environment(package: Path = REPOSITORY) -> dict[str, str]:
    """The environment that `run_build` runs it in."""
    return {**os.environ, "PYTHONPATH": str(package)}
