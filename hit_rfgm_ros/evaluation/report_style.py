"""Style sheet and script of a report: light and dark, wide and narrow, on paper."""

from hit_rfgm_ros.viz.colors import SERIES_COLORS, as_hex

_DARK_SERIES = ('#5aaef2', '#ff9147', '#3fcf9f', '#e290d0', '#efbd45', '#9fd8ff', '#c3cad3')
_LIGHT_SERIES = tuple(as_hex(color) for color in SERIES_COLORS)


def _series(colors: tuple[str, ...]) -> str:
    return ''.join(f'--series-{index}:{color};' for index, color in enumerate(colors))


_THEME = f"""
:root {{
  color-scheme: light;
  --ground:#f5f6f8; --card:#ffffff; --ink:#1c2128; --faint:#5d6673; --grid:#e8ebef;
  --absent:#e4e8ed; --edge:#dce1e7; --accent:#0b62b0; --overlap:#3b6fd4; --confidence:#d9651a;
  --high:48,110,214; --low:226,118,47;
  {_series(_LIGHT_SERIES)}
}}
@media screen and (prefers-color-scheme: dark) {{
  :root {{
    color-scheme: dark;
    --ground:#0e1116; --card:#161b22; --ink:#e6eaf0; --faint:#9aa4b1; --grid:#262d36;
    --absent:#2a323c; --edge:#2c343f; --accent:#6cb6ff; --overlap:#7aa5ff; --confidence:#ff9d5c;
    --high:64,128,232; --low:214,104,32;
    {_series(_DARK_SERIES)}
  }}
}}
"""
_LAYOUT = """
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main, header, footer { max-width: 1320px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 36px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 0 0 12px; }
h3 { font-size: 16px; margin: 24px 0 12px; }
h1, h2, h3, td, th, li, dd, p { overflow-wrap: anywhere; }
section { margin: 28px 0; padding: 22px 24px; background: var(--card); border-radius: 12px;
  border: 1px solid var(--edge); scroll-margin-top: 56px; }
nav { position: sticky; top: 0; z-index: 5; background: var(--ground); margin-top: 18px;
  padding: 10px 0; border-bottom: 1px solid var(--edge); display: flex; gap: 4px 18px;
  overflow-x: auto; white-space: nowrap; }
nav a { color: var(--accent); text-decoration: none; }
nav a:hover { text-decoration: underline; }
.lead { color: var(--faint); margin: 0; font-size: 16px; }
.note { color: var(--faint); margin: 10px 0; max-width: 100ch; font-size: 14px; }
ul { margin: 10px 0; padding-left: 20px; color: var(--faint); }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 14px 28px;
  margin: 22px 0 0; }
dt { color: var(--faint); font-size: 13px; }
dd { margin: 0; font-weight: 600; }
.warn { margin-top: 18px; padding: 12px 16px; border-left: 4px solid var(--confidence);
  background: var(--card); border-radius: 6px; }
.warn b { display: block; }
.warn ul { margin: 4px 0 0; }
.wide { overflow-x: auto; margin: 14px 0; }
.tall { max-height: 900px; overflow-y: auto; }
table { border-collapse: separate; border-spacing: 0; font-size: 13.5px;
  font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { padding: 6px 8px; border-bottom: 1px solid var(--edge); text-align: right;
  white-space: nowrap; }
th[scope=row], thead th:first-child { text-align: left; position: sticky; left: 0; z-index: 1;
  background: var(--card); }
tbody th { font-weight: 500; }
thead th { font-size: 12.5px; font-weight: 600; color: var(--faint); vertical-align: bottom; }
th button { all: unset; cursor: pointer; }
th button:hover, th[aria-sort] button { color: var(--ink); }
th button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
th[aria-sort=ascending] button::after { content: " \\25B4"; }
th[aria-sort=descending] button::after { content: " \\25BE"; }
tbody tr:hover td, tbody tr:hover th { background: var(--grid); }
tr.child th { padding-left: 28px; font-weight: 400; }
td.best { font-weight: 700; color: var(--accent); }
.dot { display: inline-block; width: 10px; height: 10px; border-radius: 50%; margin-right: 8px;
  border: 2px solid var(--dot); background: var(--dot); vertical-align: -1px; }
.dot.ring { background: none; }
.heat td { padding: 5px 10px; }
.heat thead th { position: sticky; top: 0; background: var(--card); z-index: 2; }
.heat thead th:first-child { z-index: 3; }
.heat .upright { text-align: right; padding: 4px 10px; }
.heat .upright span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 190px;
  overflow: hidden; text-overflow: ellipsis; vertical-align: bottom; }
.heat .upright button { display: block; margin-bottom: 5px; margin-left: auto;
  width: fit-content; }
.heat .upright .dot { margin: 0 4px 0 0; }
.heat td.high, tbody tr:hover td.high { background: rgba(var(--high), calc(var(--heat) * .75)); }
.heat td.low, tbody tr:hover td.low { background: rgba(var(--low), calc(var(--heat) * .9)); }
.heat td.best { color: var(--ink); }
.heat tfoot td, .heat tfoot th { border-top: 2px solid var(--edge); font-weight: 600; }
.runs td { white-space: normal; text-align: left; min-width: 120px; font-size: 13px;
  vertical-align: top; }
.runs th { text-align: left; vertical-align: top; }
figure { margin: 0; }
svg { display: block; width: 100%; height: auto; }
svg * { stroke-linejoin: round; }
.plots { display: grid; gap: 20px 28px; margin: 14px 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); }
.plots .plot { max-width: 560px; }
.plots.small { grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)); }
.plots.small .plot { max-width: 380px; }
.broad { max-width: 620px; margin: 14px 0; }
.cards { display: grid; gap: 20px;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); }
.card { border: 1px solid var(--edge); border-radius: 10px; padding: 14px 16px; min-width: 0; }
.card h4 { margin: 0 0 10px; font-size: 15px; display: flex; gap: 4px 12px; flex-wrap: wrap;
  justify-content: space-between; }
.card h4 span { color: var(--faint); font-weight: 400; }
.strip { display: grid; grid-template-columns: repeat(3, 1fr); gap: 10px; margin-bottom: 12px; }
.strip img { display: block; width: 100%; height: auto; border-radius: 6px; }
.strip figcaption { font-size: 12px; line-height: 1.35; padding-top: 4px; }
.strip figcaption b { display: block; font-weight: 600; }
.strip figcaption span { color: var(--faint); }
footer { color: var(--faint); font-size: 13px; padding-bottom: 40px; }
@media (max-width: 640px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  header { padding-top: 22px; }
  h1 { font-size: 23px; }
  section { padding: 16px 12px; margin: 18px 0; }
  .strip { grid-template-columns: repeat(2, 1fr); }
  .card { padding: 12px 10px; }
  th, td { padding: 6px 7px; }
  dl { grid-template-columns: repeat(2, 1fr); gap: 12px 16px; }
}
@media print {
  body { background: #fff; font-size: 12px; }
  nav { display: none; }
  section { border: 0; padding: 0; }
  h2, h3, h4, .note { break-after: avoid; }
  .plots { grid-template-columns: repeat(3, 1fr); gap: 14px; }
  .card, .plot, tr { break-inside: avoid; }
  .tall { max-height: none; overflow: visible; }
  .wide { overflow: visible; }
  th, td { padding: 3px 6px; font-size: 11px; }
  .cards { grid-template-columns: 1fr 1fr; gap: 12px; }
  .card { padding: 8px; }
  .strip { grid-template-columns: repeat(3, 1fr); gap: 6px; }
  .strip figcaption { font-size: 9px; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""

STYLE = _THEME + _LAYOUT

# Sorts a table by the column that is clicked, the best first, then the other way round. Runs in
# real time (class child) stay behind their tracker; rows without a number come last.
SCRIPT = """
for (const table of document.querySelectorAll('table.sortable')) {
  const heads = [...table.querySelectorAll('thead th')];
  heads.forEach((head, column) => head.querySelector('button').addEventListener('click', () => {
    const best = head.dataset.better > 0 ? 'descending' : 'ascending';
    const other = best === 'ascending' ? 'descending' : 'ascending';
    const order = head.getAttribute('aria-sort') === best ? other : best;
    const sign = order === 'ascending' ? 1 : -1;
    const groups = [];
    for (const row of table.tBodies[0].rows) {
      if (row.classList.contains('child') && groups.length) groups[groups.length - 1].push(row);
      else groups.push([row]);
    }
    const value = rows => {
      const cell = rows[0].cells[column];
      if (cell.tagName === 'TH') return cell.textContent;
      return cell.dataset.value === undefined ? null : Number(cell.dataset.value);
    };
    groups.sort((a, b) => {
      const x = value(a), y = value(b);
      if (x === null || y === null) return (x === null) - (y === null);
      return sign * (typeof x === 'string' ? x.localeCompare(y) : x - y);
    });
    table.tBodies[0].append(...groups.flat());
    heads.forEach(one => one.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', order);
  }));
}
"""
