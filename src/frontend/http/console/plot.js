/** Plots over the last day. */
/** @import {Series, SeriesName} from "../api.ts" */
import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { number } from "./words.js";

const height = 200;
/** More than these are a thicket. */
const maxPoints = 150;

/**
 * @param {{label: string, series: Series | undefined, lines: readonly {name: SeriesName, label: string, colour: string}[]}} properties
 * Without a series yet it keeps the place of the plot, so that nothing below moves under somebody's hand.
 * `colour` is the name of a custom property of the style sheet.
 */
export function Plot({ label, series, lines }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const { current } = place;
    if (current === null || series === undefined) return;
    /** @type {uPlot | undefined} */
    let plot;
    const draw = () => {
      plot?.destroy();
      plot = new uPlot(optionsOf(current, lines), dataOf(series, lines), current);
    };
    draw();
    const onResize = new ResizeObserver(() => plot?.setSize({ width: current.clientWidth, height }));
    onResize.observe(current);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      scheme.removeEventListener("change", draw);
      onResize.disconnect();
      plot?.destroy();
    };
  }, [series, lines]);
  const totals = lines.map(({ name, label }) => `${label} ${number((series?.series[name] ?? []).reduce((sum, count) => sum + count, 0))}`);
  return html`
    <figure>
      <figcaption>${label}</figcaption>
      <div class="plot" ref=${place} role="img" aria-label=${series === undefined ? label : `${label}: ${totals.join(", ")}`}></div>
    </figure>
  `;
}

/**
 * @param {HTMLElement} place
 * @param {readonly {label: string, colour: string}[]} lines
 * @returns {uPlot.Options}
 */
function optionsOf(place, lines) {
  const style = getComputedStyle(place);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name);
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
  const count = (/** @type {number | null} */ value) => (value === null ? "–" : number(value));
  return {
    width: place.clientWidth,
    height,
    cursor: { drag: { x: false, y: false } },
    axes: [
      { ...axis, size: 30, values: (_, ticks) => ticks.map(hourOf) },
      { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? number(tick) : "")) },
    ],
    scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
    series: [
      { label: "Until", value: "{HH}:{mm}" },
      ...lines.map((line) => ({
        label: line.label,
        stroke: colour(line.colour),
        width: 1.5,
        points: { show: false },
        value: (/** @type {uPlot} */ _, /** @type {number | null} */ value) => count(value),
      })),
    ],
  };
}

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** @param {number} seconds Since 1970. */
function hourOf(seconds) {
  return hour.format(seconds * 1000);
}

/**
 * @param {Series} series
 * @param {readonly {name: SeriesName}[]} lines
 * @returns {uPlot.AlignedData}
 */
function dataOf({ times, series }, lines) {
  return [last(times), ...lines.map(({ name }) => summed(series[name]))];
}

/** @param {readonly number[]} times */
function last(times) {
  return portions(times).map((portion) => portion.at(-1) ?? 0);
}

/** @param {readonly number[]} values */
function summed(values) {
  return portions(values).map((portion) => portion.reduce((sum, value) => sum + value, 0));
}

/**
 * From the end, so that the last one is whole.
 * @param {readonly number[]} values
 */
function portions(values) {
  const size = Math.ceil(values.length / maxPoints);
  const all = [];
  for (let end = values.length; end > 0; end -= size) all.unshift(values.slice(Math.max(0, end - size), end));
  return all;
}
