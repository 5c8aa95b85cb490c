// Draws every <canvas data-chart> from the table that stands under it: the table is the data, the picture repeats it.
// First column: labels. Every further column: one series, named by its heading; data-value holds the exact number.
// Loaded by the chart component only, so pages without a chart do not pay for it.
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
} from "chart.js";

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Filler,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  PointElement,
  Tooltip,
);

const SERIES_TOKENS = ["primary", "accent", "warning", "info", "success", "error"];

// Canvas needs plain colours, while the tokens are expressions: let the browser work them out.
function colour(token, opacity = 1) {
  const probe = document.createElement("span");
  probe.style.color = `var(--color-${token})`;
  document.body.append(probe);
  const paint = document.createElement("canvas").getContext("2d");
  paint.fillStyle = window.getComputedStyle(probe).color;
  probe.remove();
  paint.globalAlpha = opacity;
  paint.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = paint.getImageData(0, 0, 1, 1).data;
  return `rgba(${red}, ${green}, ${blue}, ${alpha / 255})`;
}

function readTable(table) {
  const rows = [...table.tBodies[0].rows];
  const headings = [...table.tHead.rows[0].cells].slice(1);
  return {
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    series: headings.map((heading, index) => ({
      label: heading.textContent.trim(),
      values: rows.map((row) => {
        const cell = row.cells[index + 1];
        const number = Number.parseFloat(cell.dataset.value ?? cell.textContent.replace(/[^\d.-]/g, ""));
        return Number.isNaN(number) ? null : number;
      }),
      texts: rows.map((row) => row.cells[index + 1].textContent.trim()),
    })),
  };
}

function dataset(series, index, kind) {
  const token = SERIES_TOKENS[index % SERIES_TOKENS.length];
  return {
    label: series.label,
    data: series.values,
    texts: series.texts,
    borderColor: colour(token),
    backgroundColor: kind === "line" ? colour(token, 0.12) : colour(token),
    borderWidth: kind === "line" ? 2 : 0,
    // Series also differ by dash, so that colour is not the only sign.
    borderDash: kind === "line" && index % 2 === 1 ? [6, 4] : [],
    borderRadius: 4,
    maxBarThickness: 36,
    pointRadius: 0,
    pointHitRadius: 12,
    tension: 0.25,
    fill: kind === "line" && index === 0,
  };
}

function draw(canvas) {
  Chart.defaults.font.family = window.getComputedStyle(document.body).fontFamily;
  Chart.getChart(canvas)?.destroy();
  const kind = canvas.dataset.chart === "line" ? "line" : "bar";
  const stacked = canvas.dataset.stacked === "true";
  const { labels, series } = readTable(document.getElementById(canvas.dataset.table));
  const text = colour("muted");
  const still = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const rightToLeft = window.getComputedStyle(canvas).direction === "rtl";
  new Chart(canvas, {
    type: kind,
    data: { labels, datasets: series.map((one, index) => dataset(one, index, kind)) },
    options: {
      animation: still ? false : { duration: 300 },
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked, reverse: rightToLeft, grid: { display: false }, ticks: { color: text, maxRotation: 0, autoSkipPadding: 12 } },
        y: {
          stacked,
          beginAtZero: true,
          position: rightToLeft ? "right" : "left",
          border: { display: false },
          grid: { color: colour("base-300") },
          ticks: { color: text, maxTicksLimit: 6 },
        },
      },
      plugins: {
        legend: { display: series.length > 1, position: "bottom", rtl: rightToLeft, labels: { color: text, boxWidth: 12, boxHeight: 12 } },
        tooltip: {
          rtl: rightToLeft,
          callbacks: { label: (item) => ` ${item.dataset.label}: ${item.dataset.texts[item.dataIndex]}` },
        },
      },
    },
  });
}

function drawAll(root) {
  root.querySelectorAll("canvas[data-chart]").forEach(draw);
}

// Deferred on a full page, run again when htmx brings a fragment with a chart: listen only once.
drawAll(document);
if (!window.portalChartsListening) {
  window.portalChartsListening = true;
  document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.elt));
  document.addEventListener("portal:theme", () => drawAll(document));
}
