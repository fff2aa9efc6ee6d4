// A few lines over time. The figures below it are the last ones: for screen readers they are the plot.
import { useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { useSelected } from "../state";

export interface PlotLine {
  label: string;
  values: (number | null)[];
}

const HEIGHT = 150;
const LEAST_S = 60; // what the plot reaches back, if there is that much or not
const COLOURS = ["--plot-1", "--plot-2", "--plot-3"];

function colour(element: Element, name: string): string {
  return getComputedStyle(element).getPropertyValue(name).trim();
}

// Colours of both themes stand in one variable; a canvas needs the one that holds.
function resolved(element: HTMLElement, name: string): string {
  element.style.color = `var(${name})`;
  const value = getComputedStyle(element).color;
  element.style.color = "";
  return value;
}

function axis(element: HTMLElement): uPlot.Axis {
  const text = resolved(element, "--muted");
  return {
    stroke: text,
    font: `11px ${colour(element, "font-family") || "sans-serif"}`,
    grid: { stroke: resolved(element, "--line"), width: 1 },
    ticks: { show: false },
  };
}

function makePlot(element: HTMLElement, lines: PlotLine[]): uPlot {
  const options: uPlot.Options = {
    width: Math.max(element.clientWidth, 120),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: false, range: (_plot, from) => [Math.min(from, -LEAST_S), 0] }, y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis(element), size: 26, values: (_plot, ticks) => ticks.map((tick) => (tick === 0 ? "now" : `${tick} s`)) },
      { ...axis(element), size: 46 },
    ],
    series: [{}, ...lines.map((_, i) => ({ stroke: resolved(element, COLOURS[i]!), width: 2, points: { show: false } }))],
  };
  return new uPlot(options, [[]], element);
}

const figure = (value: number | null | undefined) =>
  value == null ? "\u2013" : value.toLocaleString(undefined, { maximumFractionDigits: value < 10 ? 1 : 0 });

export function Plot({ times, lines, unit }: { times: number[]; lines: PlotLine[]; unit: string }) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | undefined>(undefined);
  const theme = useSelected((state) => state.theme);
  useLayoutEffect(() => {
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const make = () => {
      plot.current?.destroy();
      plot.current = makePlot(box.current!, lines);
    };
    make();
    const resized = new ResizeObserver(() => plot.current?.setSize({ width: box.current!.clientWidth, height: HEIGHT }));
    resized.observe(box.current!);
    dark.addEventListener("change", make);
    return () => {
      resized.disconnect();
      dark.removeEventListener("change", make);
      plot.current?.destroy();
    };
  }, [theme, lines.length]);
  const draw = () => {
    const now = times.at(-1) ?? 0;
    plot.current?.setData([times.map((time) => time - now), ...lines.map(({ values }) => values)]);
  };
  useLayoutEffect(draw, [times, theme, lines.length]);
  return (
    <>
      <div class="plot" ref={box} aria-hidden="true" />
      <ul class="legend">
        {lines.map(({ label, values }, i) => (
          <li key={label}><i class={`line-${i + 1}`} />{label} <b>{figure(values.at(-1))}</b> {unit}</li>
        ))}
      </ul>
    </>
  );
}
