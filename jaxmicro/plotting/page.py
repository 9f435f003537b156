"""The page around a report: one file, no script, nothing fetched, light and dark, screen, phone and paper."""

from collections.abc import Sequence

from jaxmicro.plotting.markup import escape

CSS = """
:root{color-scheme:light dark;--bg:#f6f7f9;--panel:#fff;--ink:#1f252d;--muted:#5a6470;--line:#dde2e8;--accent:#0b62a0;
--met:#00694e;--met-bg:#e0f3ec;--missed:#a8330a;--missed-bg:#fbe6dd;--gap:#7a5600;--gap-bg:#fdf1d3;--note:#0b5b93;--note-bg:#e3eff9}
@media (prefers-color-scheme:dark){:root{--bg:#14181d;--panel:#1d232a;--ink:#e6eaef;--muted:#a3aeba;--line:#343d47;--accent:#7ec1f0;
--met:#7fdcbc;--met-bg:#143a30;--missed:#ffad8c;--missed-bg:#46241a;--gap:#f3cd74;--gap-bg:#3e3215;--note:#9bd0f6;--note-bg:#173349}
.paper{filter:brightness(.93)}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
a{color:var(--accent)}
.skip{position:absolute;left:-999px}.skip:focus{left:1rem;top:1rem;background:var(--panel);padding:.5rem 1rem}
.layout{max-width:50rem;margin:0 auto;padding:1.5rem 1rem 3rem}
header h1{font-size:1.75rem;line-height:1.2;margin:.2rem 0 .3rem;letter-spacing:-.01em;overflow-wrap:anywhere}
header .subtitle{color:var(--muted);margin:0 0 1rem;font-size:1.05rem}
nav.toc{font-size:.92rem;margin:1rem 0;padding:.6rem 1rem;background:var(--panel);border:1px solid var(--line);border-radius:10px}
nav.toc h2{font-size:.8rem;text-transform:uppercase;letter-spacing:.06em;color:var(--muted);margin:.1rem 0 .3rem}
nav.toc ol{list-style:none;margin:0;padding:0;columns:2;column-gap:2rem}
nav.toc li{padding:.18rem 0;break-inside:avoid}
nav.toc a{text-decoration:none}nav.toc a:hover{text-decoration:underline}
main>section:first-child{margin-top:1rem}section{margin:2rem 0}
section>h2{font-size:1.25rem;margin:0 0 .6rem;padding-bottom:.3rem;border-bottom:1px solid var(--line);scroll-margin-top:1rem}
h3{font-size:1.02rem;margin:1.4rem 0 .4rem}
p{margin:.5rem 0 .8rem;max-width:70ch;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(10.5rem,1fr));gap:.75rem;margin:1rem 0}
.card{background:var(--panel);border:1px solid var(--line);border-top:3px solid var(--line);border-radius:10px;padding:.7rem .9rem}
.card.met{border-top-color:var(--met)}.card.missed{border-top-color:var(--missed)}.card.gap{border-top-color:var(--gap)}.card.note{border-top-color:var(--note)}
.card dt{font-size:.84rem;color:var(--muted)}
.card dd{margin:0}.card .value{font-size:1.45rem;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.card .unit{font-size:.9rem;font-weight:400;color:var(--muted)}.card .note{font-size:.82rem;color:var(--muted)}
.card.met .value>span[aria-hidden]{color:var(--met)}.card.missed .value>span[aria-hidden]{color:var(--missed)}.card.gap .value>span[aria-hidden]{color:var(--gap)}
.scroll{overflow-x:auto;margin:1rem 0;background:var(--panel);border:1px solid var(--line);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;color:var(--muted);font-size:.86rem;padding:.6rem .8rem .2rem}
th,td{padding:.42rem .8rem;text-align:left;border-top:1px solid var(--line);vertical-align:top}
thead th{border-top:0;color:var(--muted);font-weight:600;font-size:.82rem;vertical-align:bottom}
tbody th{font-weight:500}
.num{text-align:right}tbody .num{white-space:nowrap}.num small{display:block;color:var(--muted)}tbody .brief{white-space:nowrap}tbody th{min-width:6.5rem}
.badge{display:inline-block;border-radius:99px;padding:.05rem .6rem;font-size:.82rem;font-weight:600;white-space:nowrap;background:var(--note-bg);color:var(--note)}
.badge.met{background:var(--met-bg);color:var(--met)}.badge.missed{background:var(--missed-bg);color:var(--missed)}.badge.gap{background:var(--gap-bg);color:var(--gap)}
.warnings{background:var(--gap-bg);border:1px solid var(--gap);border-radius:10px;padding:.6rem 1rem;margin:1rem 0}
.warnings h3{margin:.1rem 0 .2rem;color:var(--gap);font-size:.95rem}.warnings ul{margin:.2rem 0;padding-left:1.2rem}.warnings li{overflow-wrap:anywhere}
.figures{display:flex;flex-wrap:wrap;gap:1rem;margin:1rem 0;align-items:flex-start}
.fig{margin:0;max-width:100%;flex:0 1 auto}
.fig .paper{background:#fff;border:1px solid var(--line);border-radius:10px;padding:.4rem;overflow-x:auto;width:fit-content;max-width:100%}
.paper img{display:block;max-width:100%;height:auto}
figcaption{font-size:.86rem;color:var(--muted);margin:.35rem .2rem 0;max-width:70ch}
.fig:not(.wide) figcaption{max-width:24rem}
pre{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:.7rem .9rem;overflow-x:auto;font:.84rem/1.45 ui-monospace,Menlo,Consolas,monospace}
footer{margin-top:2.5rem;border-top:1px solid var(--line);padding-top:1rem;font-size:.88rem;color:var(--muted)}
footer h2{font-size:1rem;color:var(--ink);margin:0 0 .5rem}footer h3{font-size:.88rem}
footer dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1.2rem;margin:0}footer dd{margin:0;overflow-wrap:anywhere}
@media (min-width:74rem){.layout{max-width:70rem;display:grid;grid-template-columns:14rem minmax(0,50rem);column-gap:3rem}
.layout>*{grid-column:2}.layout>nav.toc{grid-column:1;grid-row:1/span 40;position:sticky;top:1.5rem;align-self:start;background:none;border:0;padding:0;margin-top:1.6rem}
nav.toc ol{columns:1}}
@media (max-width:36rem){nav.toc ol{columns:1}header h1{font-size:1.4rem}.cards{grid-template-columns:repeat(2,minmax(0,1fr))}.card .value{font-size:1.2rem}
.wide .paper img{min-width:35rem}footer dl{grid-template-columns:1fr}footer dt{font-weight:600;margin-top:.3rem}th,td{padding:.4rem .55rem}}
@media print{:root{color-scheme:light;--bg:#fff;--panel:#fff;--ink:#000;--muted:#444;--line:#bbb}body{font-size:10.5pt}.layout{display:block;max-width:none;padding:0}
nav.toc,.skip{display:none}.fig,.card,tr,.warnings{break-inside:avoid}section>h2,h3{break-after:avoid}.scroll,.fig .paper{overflow:visible;border-color:#ccc}}
"""

# The browser itself refuses scripts and anything from outside, whatever a text may hold.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(title: str, subtitle: str, lead: str, contents: Sequence[tuple[str, str]], body: str, footer: str) -> str:
    """A whole page from parts that are HTML already; `contents` are (anchor, heading) and `title` is plain text."""
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)}</title>
<style>{CSS}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the results</a>
<div class="layout">
<header>
<h1>{escape(title)}</h1>
{f'<p class="subtitle">{escape(subtitle)}</p>' if subtitle else ""}
{lead}</header>
{_toc(contents)}<main id="main">
{body}</main>
{footer}</div>
</body>
</html>
"""


def _toc(contents: Sequence[tuple[str, str]]) -> str:
    """A table of contents where there are sections enough to want one."""
    if len(contents) < 4:
        return ""
    items = "".join(f'<li><a href="#{anchor}">{escape(heading)}</a></li>' for anchor, heading in contents)
    return f'<nav class="toc" aria-labelledby="toc"><h2 id="toc">Contents</h2><ol>{items}</ol></nav>\n'
