"use strict";
(() => {
  const data = JSON.parse(document.getElementById("chart-data").textContent);
  const days = data.days, last = days[days.length - 1];
  const AROUND = 15; /* sessions before the first trade and after the last */
  const chips = [...document.querySelectorAll("[data-line]")];
  const hiddenAtFirst = chips.filter(chip => chip.getAttribute("aria-pressed") === "false").map(chip => chip.dataset.line);
  const state = { hidden: new Set(hiddenAtFirst), log: false, rebase: false, around: false, range: null, shown: new Set() };
  const lines = data.lines.map((line, number) => ({ ...line, key: String(number), number }));
  if (data.benchmark) lines.push({ ...data.benchmark, key: "market", number: -1, trades: [] });

  const { plain, colour } = drawing;
  const percent = value => value === null ? "" : `${value < 0 ? "-" : "+"}${Math.abs(value * 100).toFixed(2)} %`;
  const stroke = line => line.key === "market" ? { color: colour("market"), width: 1.5, dash: "dash" }
    : { color: colour(`run-${line.style.colour}`), width: 2, dash: ["solid", "dash", "dot", "dashdot"][line.style.dash] };
  const narrow = () => window.innerWidth < 760;
  const drawn = () => lines.filter(line => !state.hidden.has(line.key));

  /* The first and the last session that are shown, as places among the days. */
  const edges = () => {
    if (!state.range) return [0, days.length - 1];
    const [from, to] = state.range, first = days.findIndex(day => day >= from), after = days.findIndex(day => day > to);
    return [first, after < 0 ? days.length - 1 : after - 1];
  };
  const known = value => value !== null && value !== undefined;
  /* Growth of each line since the window began, or since the left edge. */
  const growth = line => {
    if (!state.rebase) return line.wealth;
    const [first, end] = edges(), base = line.wealth.slice(first, end + 1).find(known);
    return line.wealth.map((value, place) => !known(value) || !base || place < first ? null : value / base);
  };
  /* The lowest and the highest value that are shown, with room around them. */
  const span = series => {
    const [first, end] = edges(), inside = series.flatMap(values => values.slice(first, end + 1)).filter(known);
    if (!inside.length) return undefined;
    const flat = state.log ? 0.01 : 0.5, low = inside.reduce((a, b) => Math.min(a, b)), high = inside.reduce((a, b) => Math.max(a, b));
    const room = high > low ? (high - low) * 0.06 : flat;
    return [low - room, high + room];
  };

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
    type: "scatter", mode: line.style?.points ? "lines+markers" : "lines", x: days, y: values, customdata: texts, name: plain(line.label), line: stroke(line),
    connectgaps: true, marker: { size: 7, maxdisplayed: 12 }, hovertemplate: "%{customdata}", meta: line.key,
  });

  const charts = {
    equity: () => {
      const all = drawn().map(line => ({ line, wealth: growth(line) }));
      const plotted = all.map(({ wealth }) => wealth.map(w => !known(w) || (state.log && w <= 0) ? null : state.log ? w : (w - 1) * 100));
      const range = span(state.log ? plotted.map(values => values.map(w => known(w) ? Math.log10(w) : null)) : plotted);
      return [
        all.map(({ line, wealth }, place) => curve(line, plotted[place], wealth.map(w => percent(known(w) ? w - 1 : null)))),
        layout(narrow() ? 290 : 380, state.log ? { type: "log", tickformat: ".3~g", ticksuffix: "\u00d7", nticks: 8, range } : { ticksuffix: " %", range }),
      ];
    },
    drawdown: () => {
      const all = drawn(), plotted = all.map(line => line.drawdown.map(d => d === null ? null : d * 100));
      const [low, high] = span(plotted) || [-1, 0];
      return [
        all.map((line, place) => curve(line, plotted[place], line.drawdown.map(percent))),
        layout(narrow() ? 180 : 210, { ticksuffix: " %", range: [low, Math.min(high, (0 - low) * 0.06)] }),
      ];
    },
    "trades-chart": () => trades(),
  };

  /* One lane for each run, one row in it for each symbol that it traded. */
  const lanes = () => {
    let y = 0;
    return drawn().filter(line => line.key !== "market").map(line => {
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
    return { type: "scatter", mode: "lines", x, y, line: { color, width: long ? 5 : 2.5, dash: long ? "solid" : "dot" }, opacity: long ? 0.45 : 1, hoverinfo: "skip" };
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
    return { type: "scatter", mode: "markers", x, y, text, hovertemplate: "%{text}<extra></extra>", marker: { color, symbol, size: 8, line: { width: 1.5, color } } };
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
      text: plain(lane.line.label) + (lane.rows.size ? "" : ": no trade"),
    }));
    return [all.flatMap(lane => [held(lane, true), held(lane, false), ends(lane)]), made];
  };

  const config = { modeBarButtons: [["toImage"]], displayModeBar: "hover", doubleClick: false };
  const draw = id => {
    const box = document.getElementById(id);
    const [traces, made] = charts[id]();
    drawing.draw(box, traces, made, config);
    if (state.shown.has(id)) return;
    state.shown.add(id);
    box.addEventListener("drawn", () => {
      box.on("plotly_relayout", change => { if (change["xaxis.range[0]"]) zoom([change["xaxis.range[0]"], change["xaxis.range[1]"]]); });
      box.on("plotly_doubleclick", () => zoom(null));
    }, { once: true });
  };
  const visible = () => Object.keys(charts).filter(id => document.getElementById(id).offsetParent);
  const drawAll = () => visible().forEach(draw);
  const press = (selector, chosen) => document.querySelectorAll(selector).forEach(b => b.setAttribute("aria-pressed", chosen(b)));
  const from = document.getElementById("from"), to = document.getElementById("to"), base = document.getElementById("equity-base"), whole = base.textContent;
  for (const input of [from, to]) { input.min = days[0]; input.max = last; }
  const show = () => {
    const [first, end] = edges();
    from.value = days[first];
    to.value = days[end];
    base.textContent = state.rebase ? `Growth since the close of ${days[first]}, where every line starts at 0 %.` : whole;
    const count = drawn().filter(line => line.key !== "market").length, said = document.getElementById("drawn");
    if (said) said.textContent = `${count} of ${data.lines.length} lines drawn`;
    document.querySelector("[data-around]").disabled = !reach();
    drawAll();
  };
  const zoom = (range, { months = null, around = false } = {}) => {
    const before = state.range;
    state.range = range && [range[0], range[1]].map(moment => moment.slice(0, 19));
    const [first, end] = edges();
    if (first < 0 || end - first < 1) state.range = before;
    else {
      state.around = around;
      press("[data-months]", b => range === null ? b.dataset.months === "0" : b.dataset.months === String(months));
      press("[data-around]", () => around);
    }
    show();
  };
  const back = months => {
    const from = new Date(`${last}T00:00:00Z`), day = from.getUTCDate();
    from.setUTCDate(1);
    from.setUTCMonth(from.getUTCMonth() - months);
    from.setUTCDate(Math.min(day, new Date(Date.UTC(from.getUTCFullYear(), from.getUTCMonth() + 1, 0)).getUTCDate()));
    const text = from.toISOString().slice(0, 10);
    return text < days[0] ? days[0] : text;
  };
  /* Some sessions before the first trade of the lines drawn to some after the last; null without a trade. */
  const reach = () => {
    const trades = drawn().flatMap(line => line.trades);
    if (!trades.length) return null;
    const first = trades.map(trade => trade.entry).reduce((a, b) => a < b ? a : b), end = trades.map(trade => trade.exit).reduce((a, b) => a > b ? a : b);
    const entry = days.findIndex(day => day >= first), exit = days.findIndex(day => day >= end);
    return [days[Math.max(0, (entry < 0 ? days.length - 1 : entry) - AROUND)], days[Math.min(days.length - 1, (exit < 0 ? days.length - 1 : exit) + AROUND)]];
  };
  /* On a page with many runs a line gets the first style that no other drawn line has, so that few lines are far apart. */
  const slots = new Map();
  const dress = () => {
    if (!document.querySelector(".legend.many")) return;
    const runs = lines.filter(line => line.key !== "market");
    for (const line of runs) if (state.hidden.has(line.key)) slots.delete(line.key);
    for (const line of drawn().filter(line => line.key !== "market" && !slots.has(line.key))) {
      const taken = new Set(slots.values());
      slots.set(line.key, runs.findIndex((_, slot) => !taken.has(slot)));
    }
    for (const line of runs) {
      const style = line.style = data.lines[slots.get(line.key) ?? line.number].style;
      const look = slots.has(line.key) ? `swatch run-${style.colour} dash-${style.dash}${style.points ? " points" : ""}` : "swatch off";
      for (const swatch of document.querySelectorAll(`[data-run="${line.key}"] .swatch`)) swatch.className = look;
    }
  };
  const hide = keys => {
    state.hidden = keys;
    dress();
    press("[data-line]", b => !keys.has(b.dataset.line));
    const range = state.around && reach();
    if (range) zoom(range, { around: true });
    else show();
  };

  for (const b of chips) {
    const key = b.dataset.line;
    b.addEventListener("click", () => { const keys = new Set(state.hidden); if (!keys.delete(key)) keys.add(key); hide(keys); });
    b.addEventListener("dblclick", () => {
      const others = lines.map(line => line.key).filter(other => other !== key);
      hide(new Set(others.every(other => state.hidden.has(other)) ? [] : others));
    });
  }
  const wanted = { all: () => false, none: () => true, only: chip => chip.hidden };
  for (const b of document.querySelectorAll("[data-draw]")) {
    b.addEventListener("click", () => hide(new Set(chips.filter(chip => chip.dataset.run && wanted[b.dataset.draw](chip)).map(chip => chip.dataset.line))));
  }
  for (const b of document.querySelectorAll("[data-months]")) {
    const months = Number(b.dataset.months);
    b.addEventListener("click", () => zoom(months ? [back(months), last] : null, { months }));
  }
  document.querySelector("[data-around]").addEventListener("click", () => zoom(reach(), { around: true }));
  for (const input of [from, to]) input.addEventListener("change", () => { if (from.value && to.value) zoom([from.value, to.value]); });
  document.getElementById("rebase").addEventListener("change", event => { state.rebase = event.target.checked; show(); });
  for (const b of document.querySelectorAll("[data-scale]")) {
    b.addEventListener("click", () => { state.log = b.dataset.scale === "log"; press("[data-scale]", other => other === b); show(); });
  }
  /* The buttons stand above the first chart of the tab. */
  const bar = document.getElementById("toolbar");
  document.addEventListener("panel", event => {
    document.getElementById(event.detail).querySelector("figure")?.before(bar);
    show();
  });
  document.addEventListener("theme", show);
  dress();
})();
