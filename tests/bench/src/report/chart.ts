// Charts as SVG that reads on a light and on a dark page: no background, text that follows the reader's scheme, colours of middling lightness.

export interface Point {
  x: number;
  y: number;
}

export interface LineChart {
  title: string;
  xLabel: string;
  yLabel: string;
  series: readonly { name: string; points: readonly Point[] }[];
  /** Doublings are as far apart as each other, and every point has its tick. */
  logarithmicX?: boolean;
  xTick?: (x: number) => string;
}

export interface BarChart {
  title: string;
  bars: readonly { name: string; median: number; min: number; max: number }[];
}

const WIDTH = 720;
const HEIGHT = 360;
const PLOT = { left: 76, right: 24, top: 66, bottom: 52 };
const COLOURS = ["#3b82f6", "#e0584f", "#3f9e5a", "#c08a1e", "#9a6ee0", "#2aa5b0", "#d05fa5", "#808a94"];
const STYLE = `<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328 } .title { font-weight: 600; font-size: 15px }
.grid { stroke: #808a94; stroke-opacity: .3 } .whisker { stroke: #1f2328 }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .whisker { stroke: #e6edf3 } }
</style>`;

export function lineChart({ title, xLabel, yLabel, series, logarithmicX, xTick = String }: LineChart): string {
  const points = series.flatMap((line) => line.points).filter(({ y }) => Number.isFinite(y));
  const xs = logarithmicX ? [...new Set(points.map(({ x }) => x))].toSorted((a, b) => a - b) : linearTicks(points);
  const place = (x: number) => (logarithmicX ? Math.log2(x) : x);
  const [first, last] = [place(xs[0] ?? 0), place(xs.at(-1) ?? 1)];
  const across = (x: number) =>
    PLOT.left + ((place(x) - first) / (last - first || 1)) * (WIDTH - PLOT.left - PLOT.right);
  const scale = scaleTo(Math.max(...points.map(({ y }) => y), 0));
  const up = (y: number) => HEIGHT - PLOT.bottom - (y / scale.max) * (HEIGHT - PLOT.top - PLOT.bottom);
  const lines = series.map(({ points: own }, i) => {
    const path = own.filter(({ y }) => Number.isFinite(y)).map(({ x, y }) => `${fixed(across(x))},${fixed(up(y))}`);
    return `<polyline fill="none" stroke="${colour(i)}" stroke-width="2" points="${path.join(" ")}"/>`;
  });
  return svg(title, [
    ...scale.ticks.map((y) => gridLine(up(y), y)),
    ...xs.map((x) => text(across(x), HEIGHT - PLOT.bottom + 20, xTick(x), "middle")),
    text(WIDTH / 2, HEIGHT - 12, xLabel, "middle"),
    text(8, 44, yLabel),
    ...series.map(({ name }, i) => legend(name, i, series.length)),
    ...lines,
  ]);
}

export function barChart({ title, bars }: BarChart): string {
  const left = 160;
  const rowHeight = (HEIGHT - 50) / Math.max(1, bars.length);
  const most = Math.max(...bars.map(({ max }) => max).filter(Number.isFinite), 1);
  const across = (value: number) => left + (value / most) * (WIDTH - left - 90);
  const rows = bars.flatMap(({ name, median, min, max }, i) => {
    const top = 40 + i * rowHeight;
    const middle = top + rowHeight / 2;
    const label = text(left - 10, middle + 4, name, "end");
    if (!Number.isFinite(median)) return [label, text(left + 6, middle + 4, "n/a")];
    const bar = `<rect x="${left}" y="${fixed(top + 4)}" width="${fixed(across(median) - left)}" height="${fixed(rowHeight - 8)}" rx="2" fill="${colour(name.startsWith("millrace") ? 0 : 7)}"/>`;
    const whisker = `<line class="whisker" x1="${fixed(across(min))}" x2="${fixed(across(max))}" y1="${fixed(middle)}" y2="${fixed(middle)}"/>`;
    return [label, bar, whisker, text(across(max) + 8, middle + 4, Math.round(median).toLocaleString("en"))];
  });
  return svg(title, rows);
}

function svg(title: string, parts: readonly string[]): string {
  const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`;
  const shownTitle = `<text class="title" x="8" y="22">${escaped(title)}</text>`;
  return `${[head, `<title>${escaped(title)}</title>`, STYLE, shownTitle, ...parts, "</svg>"].join("\n")}\n`;
}

/** From zero to beyond the last point. */
function linearTicks(points: readonly Point[]): number[] {
  return scaleTo(Math.max(...points.map(({ x }) => x), 0)).ticks;
}

/** Up to six ticks at 1, 2 or 5 times a power of ten. */
function scaleTo(most: number): { max: number; ticks: number[] } {
  const power = 10 ** Math.floor(Math.log10((most || 1) / 5));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => most <= size * 5) ?? power * 10;
  const count = Math.max(1, Math.ceil(most / step));
  return { max: step * count, ticks: Array.from({ length: count + 1 }, (_, i) => step * i) };
}

function gridLine(y: number, value: number): string {
  const line = `<line class="grid" x1="${PLOT.left}" x2="${WIDTH - PLOT.right}" y1="${fixed(y)}" y2="${fixed(y)}"/>`;
  return line + text(PLOT.left - 8, y + 4, Number(value.toPrecision(6)).toLocaleString("en"), "end");
}

function legend(name: string, index: number, count: number): string {
  const x = PLOT.left + index * Math.min(150, (WIDTH - PLOT.left) / count);
  return `<rect x="${fixed(x)}" y="50" width="12" height="4" fill="${colour(index)}"/>${text(x + 16, 57, name)}`;
}

function text(x: number, y: number, content: string, anchor = "start"): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

const colour = (index: number): string => COLOURS[index % COLOURS.length]!;
const fixed = (value: number): string => value.toFixed(1);
const escaped = (content: string): string => content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
