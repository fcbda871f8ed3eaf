// Chart.js 4.6.1 for the import map: its UMD build is one minified file and sets a global, which this file turns back
// into a module.
import "./chart.umd.min.js"

export const { Chart } = globalThis
