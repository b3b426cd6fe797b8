"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const axes = data.axes, shape = axes.map(axis => axis.values.length), choice = document.getElementById("figure");
  const money = name => data.formats[name] === "money", share = name => data.formats[name].endsWith("percent");
  choice.value = data.by in data.figures ? data.by : "total_return";

  const { plain, colour } = drawing;
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
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("text") },
    xaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, ...x }, yaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, ...y },
  });
  const options = { modeBarButtons: [["toImage"]], displayModeBar: "hover" };

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
  /* Parallel coordinates: a line for each cell, coloured by its value; the choices above the chart keep some of the cells. */
  const viridis = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
  const kept = axes.map(() => -1);
  const within = (value, low, high) => high > low ? (value - low) / (high - low) : 0.5;
  const choices = () => {
    const bar = choice.closest(".toolbar");
    axes.forEach((axis, k) => {
      const select = document.createElement("select"), words = document.createElement("label");
      select.append(new Option("all", -1), ...axis.values.map((value, place) => new Option(value, place)));
      select.addEventListener("change", () => { kept[k] = Number(select.value); draw(); });
      select.setAttribute("aria-label", axis.name);
      words.append(`${axis.name} `, select);
      bar.append(words);
    });
  };
  const scale = (name, low, high) => {
    const step = (high - low) / 4, marks = step > 0 ? [0, 1, 2, 3, 4].map(k => low + k * step) : [low];
    return marks.map(value => ({ x: axes.length, y: within(value, low, high), text: value.toLocaleString("en-US", { maximumFractionDigits: 2 }) + suffix(name) }));
  };
  const parallel = name => {
    const values = data.figures[name].map(v => scaled(name, v)), known = values.filter(v => v !== null), last = axes.length;
    const [low, high] = [known.reduce((a, b) => Math.min(a, b), Infinity), known.reduce((a, b) => Math.max(a, b), -Infinity)];
    const shades = viridis.map(color => ({ color, x: [], y: [], cells: [], words: [] }));
    data.cells.forEach((cell, row) => {
      const at = places(cell), value = values[row];
      if (value === null || kept.some((place, k) => place >= 0 && place !== at[k])) return;
      const height = within(value, low, high), shade = shades[Math.min(viridis.length - 1, Math.floor(height * viridis.length))];
      const words = `${at.map((place, k) => `${plain(axes[k].name)} ${plain(axes[k].values[place])}`).join("<br>")}<br>${label(name)} ${value.toFixed(2)}${suffix(name)}`;
      shade.x.push(...axes.keys(), last, null);
      shade.y.push(...at.map((place, k) => within(place, 0, shape[k] - 1)), height, null);
      for (let k = 0; k <= last + 1; k++) { shade.cells.push(cell); shade.words.push(words); }
    });
    const traces = shades.map(shade => ({ type: "scatter", mode: "lines", x: shade.x, y: shade.y, customdata: shade.cells, text: shade.words, hovertemplate: "%{text}<extra></extra>", line: { color: shade.color, width: 1 } }));
    const marks = axes.flatMap((axis, k) => axis.values.map((value, place) => ({ x: k, y: within(place, 0, shape[k] - 1), text: plain(value) })).filter((_, place) => shape[k] <= 20 || place === 0 || place === shape[k] - 1));
    const drawn = layout(460, { tickvals: [...axes.keys(), last], ticktext: [...axes.map(axis => plain(axis.name)), label(name)], range: [-0.1, last + 0.3], showgrid: false, fixedrange: true }, { visible: false, range: [-0.05, 1.05], fixedrange: true });
    drawn.hovermode = "closest";
    drawn.shapes = [...axes.keys(), last].map(k => ({ type: "line", x0: k, x1: k, y0: 0, y1: 1, line: { color: colour("strong-line"), width: 1 } }));
    drawn.annotations = [...marks, ...known.length ? scale(name, low, high) : []].map(mark => ({ ...mark, xanchor: "left", xshift: 3, showarrow: false, bgcolor: colour("bg"), borderpad: 1, font: { size: 11, color: colour("text") } }));
    return [traces, { ...drawn, margin: { l: 20, r: 20, t: 12, b: 40 } }, point => point.customdata];
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
    if (data.walk) drawing.draw(document.getElementById("walk"), ...accounts(data.walk), { ...options, displayModeBar: false });
    const name = choice.value, place = document.getElementById("surface");
    if (axes.length) {
      const [traces, drawn, cell] = (axes.length === 1 ? line : axes.length === 2 ? heat : parallel)(name);
      place.addEventListener("drawn", () => {
        place.removeAllListeners("plotly_click");
        place.on("plotly_click", event => show(cell(event.points[0])));
      }, { once: true });
      drawing.draw(place, traces, drawn, options);
    }
    drawing.draw(document.getElementById("outcomes"), ...outcomes(name), options);
  };
  if (axes.length > 2) choices();
  choice.addEventListener("change", draw);
  document.addEventListener("theme", draw);
  draw();
})();
