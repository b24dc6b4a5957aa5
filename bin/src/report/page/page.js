// Draws the charts from the data beside them, in the colours of the reader's theme, and again when that changes.
(function () {
  "use strict";
  const night = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)");
  // A finger scrolls the page; a mouse zooms in a chart.
  const config = { responsive: true, displaylogo: false, displayModeBar: touch.matches ? false : "hover",
    modeBarButtonsToRemove: ["select2d", "lasso2d"] };

  function themed(layout) {
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(name).trim();
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { color: colour("--front") };
    layout.hoverlabel = { bgcolor: colour("--panel"), font: { color: colour("--front") } };
    layout.modebar = { bgcolor: "rgba(0,0,0,0)", color: colour("--faint"), activecolor: colour("--front") };
    layout.dragmode = touch.matches ? false : "zoom";
    layout.xaxis = layout.xaxis || {};
    layout.yaxis = layout.yaxis || {};
    for (const key of Object.keys(layout)) {
      if (/^[xy]axis\d*$/.test(key)) {
        layout[key].gridcolor = layout[key].zerolinecolor = layout[key].linecolor = colour("--line");
        layout[key].automargin = true;
      }
    }
    return layout;
  }

  function draw() {
    for (const source of document.querySelectorAll("script[data-chart]")) {
      const figure = JSON.parse(source.textContent);
      Plotly.react("chart-" + source.dataset.chart, figure.data, themed(figure.layout), config);
    }
  }

  night.addEventListener("change", draw);
  draw();
})();
