// Draws the samples that stand in the table's `data-chart`, and again whenever those change.
"use strict";
(() => {
  const plot = document.getElementById("plot");
  const samples = document.getElementById("samples");
  if (!plot || !samples) return;
  let drawn = null;

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const options = (from, to) => {
    const grid = { stroke: colour("--bs-border-color"), width: 1 };
    const axis = (scale, side) => ({ scale, side, stroke: colour("--bs-body-color"), grid: side === 3 ? grid : { show: false } });
    return {
      width: plot.clientWidth,
      height: 220,
      scales: { x: { time: true, range: () => [from, to] }, count: { range: (_u, _low, high) => [0, Math.max(5, high || 0)] }, left: { range: (_u, _low, high) => [0, Math.max(10, high || 0)] } },
      axes: [axis("x", 2), axis("count", 3), axis("left", 1)],
      series: [
        {},
        { label: "Waiting", scale: "count", stroke: colour("--bs-primary"), width: 2 },
        { label: "Oldest, min", scale: "count", stroke: colour("--bs-orange"), width: 2, dash: [6, 4] },
        { label: "Calls left", scale: "left", stroke: colour("--bs-teal"), width: 2, dash: [2, 3] },
      ],
    };
  };

  const draw = () => {
    const table = samples.querySelector("[data-chart]");
    if (!table) return;
    if (drawn) drawn.destroy();
    drawn = new uPlot(options(Number(table.dataset.from), Number(table.dataset.to)), JSON.parse(table.dataset.chart), plot);
  };

  draw();
  new MutationObserver(draw).observe(samples, { childList: true });
  addEventListener("resize", () => drawn && drawn.setSize({ width: plot.clientWidth, height: 220 }));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => requestAnimationFrame(draw));
})();
