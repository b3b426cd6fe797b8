"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const days = data.days, last = days[days.length - 1];
  const state = { hidden: new Set(), log: false, range: null, shown: new Set() };
  const lines = data.lines.map((line, number) => ({ ...line, key: String(number), number }));
  if (data.benchmark) lines.push({ ...data.benchmark, key: "market", number: -1, trades: [] });

  const { plain, colour } = drawing;
  const percent = value => value === null ? "" : `${value < 0 ? "-" : "+"}${Math.abs(value * 100).toFixed(2)} %`;
  const stroke = line => line.key === "market" ? { color: colour("market"), width: 1.5, dash: "dash" }
    : { color: colour(`run-${line.number % 10}`), width: 2, dash: ["solid", "dash", "dot"][Math.floor(line.number / 10) % 3] };
  const narrow = () => window.innerWidth < 760;

  const layout = (height, y) => ({
    height, autosize: true, showlegend: false, hovermode: "x unified", dragmode: narrow() ? false : "zoom",
    margin: { l: 52, r: 10, t: 10, b: 30 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12, color: colour("muted") },
    hoverlabel: { bgcolor: colour("bg"), bordercolor: colour("strong-line"), font: { color: colour("text"), size: 12, family: getComputedStyle(document.body).fontFamily }, namelength: -1 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("muted"), activecolor: colour("text") },
    xaxis: { type: "date", range: state.range || [days[0], last], gridcolor: colour("line"), linecolor: colour("strong-line"), hoverformat: "%Y-%m-%d" },
    yaxis: { gridcolor: colour("line"), zerolinecolor: colour("strong-line"), fixedrange: true, ...y },
  });
  const curve = (line, values, texts) => ({
    type: "scatter", mode: "lines", x: days, y: values, customdata: texts, name: plain(line.label), line: stroke(line),
    visible: !state.hidden.has(line.key), hovertemplate: "%{customdata}", meta: line.key,
  });

  const charts = {
    equity: () => [
      lines.map(line => curve(line, line.wealth.map(w => w === null || (state.log && w <= 0) ? null : state.log ? w : (w - 1) * 100), line.wealth.map(w => percent(w === null ? null : w - 1)))),
      layout(narrow() ? 290 : 380, state.log ? { type: "log", tickformat: ".3~g", ticksuffix: "\u00d7", nticks: 8 } : { ticksuffix: " %" }),
    ],
    drawdown: () => [
      lines.map(line => curve(line, line.drawdown.map(d => d === null ? null : d * 100), line.drawdown.map(percent))),
      layout(narrow() ? 180 : 210, { ticksuffix: " %" }),
    ],
    "trades-chart": () => trades(),
  };

  /* One lane for each run, one row in it for each symbol that it traded. */
  const lanes = () => {
    let y = 0;
    return lines.filter(line => line.key !== "market").map(line => {
      const symbols = [...new Set(line.trades.map(trade => trade.symbol))];
      const top = y - 1;
      y -= 1.6 + Math.max(1, symbols.length);
      return { line, top, rows: new Map(symbols.map((symbol, place) => [symbol, top - 1 - place])) };
    });
  };
  const held = (lane, long) => {
    const x = [], y = [];
    for (const trade of lane.line.trades.filter(t => t.long === long)) {
      x.push(trade.entry, trade.exit, null);
      y.push(lane.rows.get(trade.symbol), lane.rows.get(trade.symbol), null);
    }
    const { color } = stroke(lane.line);
    return { type: "scatter", mode: "lines", x, y, line: { color, width: long ? 5 : 2.5, dash: long ? "solid" : "dot" }, opacity: long ? 0.45 : 1, hoverinfo: "skip", visible: !state.hidden.has(lane.line.key) };
  };
  const ends = lane => {
    const { color } = stroke(lane.line), x = [], y = [], text = [], symbol = [];
    for (const trade of lane.line.trades) {
      const words = `<b>${plain(lane.line.label)}</b><br>${trade.words.map(plain).join("<br>")}`;
      x.push(trade.entry, trade.exit);
      y.push(lane.rows.get(trade.symbol), lane.rows.get(trade.symbol));
      text.push(words, words);
      symbol.push(trade.long ? "triangle-up" : "triangle-down", trade.open ? "square" : trade.gain ? "circle" : "circle-open");
    }
    return { type: "scatter", mode: "markers", x, y, text, hovertemplate: "%{text}<extra></extra>", marker: { color, symbol, size: 8, line: { width: 1.5, color } }, visible: !state.hidden.has(lane.line.key) };
  };
  const trades = () => {
    const all = lanes(), rows = all.flatMap(lane => [...lane.rows]);
    const bottom = Math.min(-2, ...rows.map(([, y]) => y), ...all.map(lane => lane.top - 1)) - 0.8;
    const crowded = rows.length > 60;
    const made = layout(Math.min(1400, 40 - bottom * (crowded ? 9 : 15)), {
      range: [bottom, 0.2], showgrid: false, zeroline: false,
      tickvals: crowded ? [] : rows.map(([, y]) => y), ticktext: crowded ? [] : rows.map(([symbol]) => plain(symbol.slice(0, 7))), tickfont: { size: 10 },
    });
    made.hovermode = "closest";
    made.annotations = all.map(lane => ({
      xref: "paper", x: 0, xanchor: "left", y: lane.top, yanchor: "middle", showarrow: false, font: { color: colour("text"), size: 12 }, align: "left",
      text: plain(lane.line.label) + (lane.rows.size ? "" : ": no trade"), opacity: state.hidden.has(lane.line.key) ? 0.4 : 1,
    }));
    return [all.flatMap(lane => [held(lane, true), held(lane, false), ends(lane)]), made];
  };

  const config = { modeBarButtons: [["toImage"]], displayModeBar: "hover" };
  const draw = id => {
    const box = document.getElementById(id);
    const [traces, made] = charts[id]();
    drawing.draw(box, traces, made, config);
    if (state.shown.has(id)) return;
    state.shown.add(id);
    box.addEventListener("drawn", () => box.on("plotly_relayout", change => {
      if (change["xaxis.range[0]"]) zoom([change["xaxis.range[0]"], change["xaxis.range[1]"]]);
      else if (change["xaxis.autorange"]) zoom(null);
    }), { once: true });
  };
  const visible = () => Object.keys(charts).filter(id => document.getElementById(id).offsetParent);
  const drawAll = () => visible().forEach(draw);
  const press = (selector, chosen) => document.querySelectorAll(selector).forEach(b => b.setAttribute("aria-pressed", chosen(b)));
  const zoom = (range, months) => {
    state.range = range;
    press("[data-months]", b => range === null ? b.dataset.months === "0" : b.dataset.months === String(months));
    drawAll();
  };
  const back = months => {
    const from = new Date(`${last}T00:00:00Z`), day = from.getUTCDate();
    from.setUTCDate(1);
    from.setUTCMonth(from.getUTCMonth() - months);
    from.setUTCDate(Math.min(day, new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 0)).getUTCDate()));
    const text = from.toISOString().slice(0, 10);
    return text < days[0] ? days[0] : text;
  };
  const hide = keys => {
    state.hidden = keys;
    press("[data-line]", b => !keys.has(b.dataset.line));
    drawAll();
  };

  for (const b of document.querySelectorAll("[data-line]")) {
    const key = b.dataset.line;
    b.addEventListener("click", () => { const keys = new Set(state.hidden); if (!keys.delete(key)) keys.add(key); hide(keys); });
    b.addEventListener("dblclick", () => {
      const others = lines.map(line => line.key).filter(other => other !== key);
      hide(new Set(others.every(other => state.hidden.has(other)) ? [] : others));
    });
  }
  for (const b of document.querySelectorAll("[data-months]")) {
    const months = Number(b.dataset.months);
    b.addEventListener("click", () => zoom(months ? [back(months), last] : null, months));
  }
  for (const b of document.querySelectorAll("[data-scale]")) {
    b.addEventListener("click", () => { state.log = b.dataset.scale === "log"; press("[data-scale]", other => other === b); drawAll(); });
  }
  document.addEventListener("panel", drawAll);
  document.addEventListener("theme", drawAll);
})();
