// Draws a chart over each table of the page. The table stays, for whoever reads rather than looks.
import { Chart } from "chart.js"

const ROW_PX = 34
const figures = [...document.querySelectorAll("figure[data-chart]")]
const isRtl = document.documentElement.dir === "rtl"
let charts = []
Chart.defaults.font.family = getComputedStyle(document.body).fontFamily

draw()
// Colours are read once a drawing.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw)
// A chart is as wide as its letters, once they are there.
document.fonts.ready.then(draw)

function draw() {
  charts.forEach((chart) => chart.destroy())
  charts = figures.map(drawOne)
}

function drawOne(figure) {
  const { labels, series } = readTable(figure.querySelector("table"))
  const isRows = figure.dataset.chart === "rows"
  const canvas = canvasOf(figure, isRows ? labels.length * series.length : 0)
  const ink = token("--ink-2")
  const number = new Intl.NumberFormat(document.documentElement.lang, { numberingSystem: "latn" })
  const withUnit = (value) => number.format(value) + (figure.dataset.unit ? ` ${figure.dataset.unit}` : "")
  const values = {
    beginAtZero: true,
    reverse: isRtl && isRows,
    grid: { color: token("--line") },
    border: { display: false },
    ticks: { color: ink, precision: 0, callback: withUnit, maxTicksLimit: 6 },
  }
  const names = {
    reverse: isRtl && !isRows,
    position: isRows ? (isRtl ? "right" : "left") : "bottom",
    grid: { display: false },
    ticks: { color: token("--ink"), autoSkip: !isRows, maxRotation: 0 },
  }
  if (!isRows) values.position = isRtl ? "right" : "left"
  return new Chart(canvas, {
    type: "bar",
    data: {
      labels,
      datasets: series.map(({ name, data }, index) => ({
        label: name,
        data,
        backgroundColor: coloursOf(figure, index),
        borderRadius: 5,
        maxBarThickness: 26,
      })),
    },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      locale: document.documentElement.lang,
      indexAxis: isRows ? "y" : "x",
      scales: isRows ? { x: values, y: names } : { x: names, y: values },
      plugins: {
        legend: { display: series.length > 1, rtl: isRtl, labels: { color: ink, boxWidth: 12 } },
        tooltip: {
          rtl: isRtl,
          textDirection: isRtl ? "rtl" : "ltr",
          callbacks: { label: ({ dataset, raw }) => `${dataset.label}: ${withUnit(raw)}` },
        },
      },
    },
  })
}

/** The names of the rows, and a series for each column that has values. */
function readTable(table) {
  const rows = [...table.tBodies[0].rows]
  const heads = [...table.tHead.rows[0].cells].slice(1)
  const labels = rows.map((row) => row.cells[0].textContent)
  const series = heads.flatMap((head, index) => {
    if ("noBar" in head.dataset) return []
    return [{ name: head.textContent, data: rows.map((row) => Number(row.cells[index + 1].dataset.value)) }]
  })
  return { labels, series }
}

function canvasOf(figure, bars) {
  let frame = figure.querySelector(".canvas-frame")
  if (!frame) {
    frame = document.createElement("div")
    frame.className = "canvas-frame"
    const canvas = document.createElement("canvas")
    canvas.setAttribute("role", "img")
    canvas.setAttribute("aria-label", figure.querySelector("h2").textContent)
    frame.append(canvas)
    figure.querySelector("details").before(frame)
  }
  if (bars) frame.style.setProperty("--chart-height", `${60 + bars * ROW_PX * (bars > 8 ? 0.7 : 1)}px`)
  return frame.firstElementChild
}

function coloursOf(figure, index) {
  const good = token("--good"), warn = token("--warn"), bad = token("--bad"), plain = token("--line-2")
  const accent = token("--accent")
  // In the order of the outcomes: answered, partly, not answered, handed off, abandoned.
  if (figure.dataset.colours === "outcome") return [good, warn, bad, accent, plain]
  return index === 0 ? accent : token("--accent-line")
}

/** A colour token as the page shows it now: a canvas does not know light-dark() nor variables. */
function token(name) {
  const probe = document.createElement("i")
  probe.style.color = `var(${name})`
  document.body.append(probe)
  const colour = getComputedStyle(probe).color
  probe.remove()
  return colour
}
