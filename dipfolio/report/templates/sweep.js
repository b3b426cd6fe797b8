"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const axes = data.axes, shape = axes.map(axis => axis.values.length), choice = document.getElementById("figure");
  const money = name => data.formats[name] === "money", share = name => data.formats[name].endsWith("percent");
  choice.value = data.by in data.figures ? data.by : "total_return";

  /* Plotly reads a little HTML in every text it draws; ours are texts. */
  const plain = text => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  const colour = name => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
  const scaled = (name, value) => value === null ? null : share(name) ? value * 100 : value;
  const suffix = name => share(name) ? " %" : "";
  const label = name => choice.querySelector(`option[value="${name}"]`).textContent;
  const quote = word => /^[\w.,:=-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`;
  const option = (axis, place) => {
    const value = axis.values[place];
    if (value === "yes") return ` ${axis.flag}`;
    if (value === "no") return ` ${axis.flag.replace("--", "--no-")}`;
    return ` ${axis.flag} ${quote(value)}`;
  };
  const places = cell => {
    const found = [];
    for (let axis = shape.length - 1; axis >= 0; axis--) { found.unshift(cell % shape[axis]); cell = Math.floor(cell / shape[axis]); }
    return found;
  };
  const show = cell => {
    const box = document.getElementById("command");
    box.firstElementChild.textContent = data.command + places(cell).map((place, axis) => option(axes[axis], place)).join("");
    box.hidden = false;
  };
  const layout = (height, x, y) => ({
    height, autosize: true, showlegend: false, margin: { l: 70, r: 20, t: 20, b: 50 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("muted") },
    xaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, ...x }, yaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, ...y },
  });
  const options = { responsive: true, displaylogo: false };

  const heat = name => {
    const [rows, columns] = shape, values = data.figures[name], z = [];
    for (let row = 0; row < rows; row++) z.push(values.slice(row * columns, (row + 1) * columns).map(v => scaled(name, v)));
    const known = z.flat().filter(v => v !== null), most = Math.max(...known.map(Math.abs), 1e-9), signed = !money(name);
    const traces = [{
      type: "heatmap", z, x: axes[1].values.map(plain), y: axes[0].values.map(plain), hoverongaps: false,
      colorbar: { ticksuffix: suffix(name) }, colorscale: signed ? [[0, "#b3261e"], [0.5, "#f3f1ea"], [1, "#0b5cad"]] : "Viridis", ...(signed ? { zmin: -most, zmax: most } : {}),
      hovertemplate: `${plain(axes[0].name)} %{y}, ${plain(axes[1].name)} %{x}<br>${label(name)} %{z:,.2f}${suffix(name)}<extra></extra>`,
    }];
    if (data.default_cell !== null) {
      const [row, column] = places(data.default_cell);
      traces.push({ type: "scatter", mode: "markers", x: [plain(axes[1].values[column])], y: [plain(axes[0].values[row])], marker: { symbol: "x", size: 12, color: "#000", line: { color: "#fff", width: 1 } }, hovertemplate: "the default<extra></extra>" });
    }
    const drawn = layout(460, { type: "category", title: { text: plain(axes[1].name) } }, { type: "category", title: { text: plain(axes[0].name) } });
    return [traces, drawn, point => point.pointNumber.length === 2 ? point.pointNumber[0] * columns + point.pointNumber[1] : data.default_cell];
  };
  const line = name => [
    [{ type: "scatter", mode: "lines+markers", x: axes[0].values.map(plain), y: data.figures[name].map(v => scaled(name, v)), line: { color: colour("accent") }, hovertemplate: `${plain(axes[0].name)} %{x}<br>%{y:,.2f}${suffix(name)}<extra></extra>` }],
    layout(380, { type: "category", title: { text: plain(axes[0].name) } }, { ticksuffix: suffix(name) }), point => point.pointNumber,
  ];
  const parallel = name => {
    const rows = data.cells.map(places), values = data.figures[name].map(v => scaled(name, v));
    const dimensions = axes.map((axis, k) => ({ label: plain(axis.name), values: rows.map(row => row[k]), range: [-0.5, shape[k] - 0.5], ...(shape[k] <= 40 ? { tickvals: axis.values.map((_, j) => j), ticktext: axis.values.map(plain) } : { tickvals: [0, shape[k] - 1], ticktext: [plain(axis.values[0]), plain(axis.values[shape[k] - 1])] }) }));
    dimensions.push({ label: label(name) + suffix(name), values });
    return [[{ type: "parcoords", dimensions, line: { color: values, colorscale: "Viridis", showscale: true } }], { ...layout(460, {}, {}), margin: { l: 60, r: 60, t: 50, b: 30 } }, null];
  };
  const outcomes = name => {
    const { edges, counts } = data.all[name], middle = counts.map((_, k) => scaled(name, (edges[k] + edges[k + 1]) / 2));
    const own = data.default === null ? null : scaled(name, data.default[name]);
    const drawn = layout(260, { title: { text: label(name) }, ticksuffix: suffix(name) }, { title: { text: "cells" } });
    if (own !== null) drawn.shapes = [{ type: "line", x0: own, x1: own, yref: "paper", y0: 0, y1: 1, line: { color: colour("bad"), width: 2, dash: "dash" } }];
    return [[{ type: "bar", x: middle, y: counts, marker: { color: colour("accent") }, hovertemplate: `%{x:,.2f}${suffix(name)}: %{y} cells<extra></extra>` }], { ...drawn, bargap: 0.03 }];
  };

  const accounts = walk => {
    const colours = [colour("accent"), colour("run-1"), colour("market")], dashes = ["solid", "solid", "dot"];
    const traces = walk.lines.map((line, k) => ({
      type: "scatter", mode: "lines", name: plain(line.name), x: walk.days, y: line.values, line: { color: colours[k], width: k ? 1.5 : 2.5, dash: dashes[k] },
      hovertemplate: `%{y:+,.2f} %<extra>${plain(line.name)}</extra>`,
    }));
    const drawn = layout(380, { type: "date" }, { ticksuffix: " %" });
    drawn.shapes = walk.borders.map(day => ({ type: "line", x0: day, x1: day, yref: "paper", y0: 0, y1: 1, line: { color: colour("strong-line"), width: 1, dash: "dot" } }));
    drawn.annotations = walk.borders.map((day, k) => ({ x: day, yref: "paper", y: 1, xanchor: "left", yanchor: "bottom", showarrow: false, text: String(k + 1), hovertext: plain(walk.chosen[k]), font: { size: 11 } }));
    return [traces, { ...drawn, showlegend: true, legend: { orientation: "h", x: 0, y: -0.12 }, hovermode: "x unified", margin: { l: 70, r: 20, t: 24, b: 40 } }];
  };

  const draw = () => {
    if (data.walk) Plotly.react("walk", ...accounts(data.walk), { ...options, displayModeBar: false });
    const name = choice.value, place = document.getElementById("surface");
    if (axes.length) {
      const [traces, drawn, cell] = (axes.length === 1 ? line : axes.length === 2 ? heat : parallel)(name);
      Plotly.react(place, traces, drawn, options);
      place.removeAllListeners?.("plotly_click");
      if (cell) place.on("plotly_click", event => show(cell(event.points[0])));
    }
    Plotly.react("outcomes", ...outcomes(name), options);
  };
  choice.addEventListener("change", draw);
  document.addEventListener("theme", draw);
  draw();
})();
