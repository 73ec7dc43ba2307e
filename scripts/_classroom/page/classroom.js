// SPDX-FileCopyrightText: 2026 swarmlab contributors
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
(async () => {
  const WORDS = {
    type: {pt: "Digite para mim", en: "Type it for me"}, prove: {pt: "Prove", en: "Prove it"}, next: {pt: "Próximo", en: "Next"},
    restart: {pt: "Recomeçar a aula", en: "Start the lesson again"}, missing: {pt: "Falta digitar:", en: "Still to be typed:"},
    exercises: {pt: "Exercícios", en: "Exercises"}, hint: {pt: "Dica", en: "Hint"},
    broken: {pt: "Quebrar", en: "Break it"}, checked: {pt: "Está resolvido?", en: "Is it solved?"},
    mended: {pt: "Consertar, e a resposta", en: "Mend it, and the answer"}, absent: {pt: "Desfazer tudo", en: "Take everything back"},
    found: {pt: "O que a prova encontrou antes:", en: "What the proof found before:"},
    unnamed: {pt: "A prova não nomeou causa nenhuma.", en: "The proof named no cause."},
    reset: {pt: "Voltar o lab inteiro ao snapshot", en: "Bring the whole lab back to its snapshot"},
    solved: {pt: "Resolvido!", en: "Solved!"}, unsolved: {pt: "Ainda não.", en: "Not yet."}, done: {pt: "Feito.", en: "Done."},
    silent: {pt: "não responde", en: "does not answer"}, lost: {pt: "A sala fechou: inicie make classroom outra vez.", en: "The classroom has closed: start make classroom again."},
  };
  const $ = selector => document.querySelector(selector);
  const make = (tag, text, attributes = {}) => {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  };
  const told = await (await fetch("/lesson.json")).json();
  const steps = told.parts.flatMap(part => part.steps), socket = path => new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`);
  let language = told.language, current = steps[0].id, values = {}, progress = {}, results = {}, busy = false;

  const order = async (what, body) => {
    const answer = await fetch(`/order/${what}`, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)});
    const found = await answer.json().catch(() => ({problem: String(answer.status)}));
    return answer.ok ? found : {problem: found.problem || String(answer.status)};
  };
  const filled = line => line.replace(/(^|[^{])\{(\w+)\}(?!\})/g, (all, before, name) => name in values ? before + values[name] : all);
  const button = (key, act) => {
    const made = make("button", WORDS[key][language], {"data-act": key});
    made.disabled = busy;
    made.addEventListener("click", async () => { busy = true; draw(); try { await act(); } finally { busy = false; draw(); } });
    return made;
  };

  const drawSteps = () => {
    const nav = $("nav");
    nav.replaceChildren();
    for (const step of steps) {
      const made = make("button", step.number, {"data-step": step.id, title: step.sentence[language].join(" ")});
      if (progress[step.id]) made.className = progress[step.id];
      if (step.id === current) made.setAttribute("aria-current", "step");
      made.addEventListener("click", () => { current = step.id; draw(); });
      nav.append(made);
    }
    const made = make("button", WORDS.exercises[language], {"data-step": "exercises"});
    if (current === "exercises") made.setAttribute("aria-current", "step");
    made.addEventListener("click", () => { current = "exercises"; draw(); });
    nav.append(made);
  };
  const drawStep = step => {
    const article = $("article"), part = told.parts.find(found => found.steps.includes(step));
    const quote = make("blockquote");
    for (const line of step.sentence[language]) quote.append(make("div", line));
    article.append(make("h2", `${part.title[language]}: ${step.number}`), quote);
    if (step.belief) article.append(make("p", `${told.page.belief[language]} ${step.belief[language]}`, {class: "belief"}));
    article.append(make("p", step.text[language]));
    if (step.typed.length) {
      const list = make("ul", undefined, {class: "commands"});
      for (const typing of step.typed) for (const line of typing.lines) {
        const row = make("li");
        row.append(make("b", `${typing.at}# `), filled(line));
        list.append(row);
      }
      article.append(list);
    }
    const buttons = make("div", undefined, {class: "buttons"}), result = results[step.id];
    if (step.typed.length) buttons.append(button("type", async () => { results[step.id] = await order("type", {step: step.id}); }));
    buttons.append(button("prove", async () => { results[step.id] = await order("prove", {step: step.id}); }));
    const after = steps[steps.indexOf(step) + 1];
    buttons.append(button("next", async () => { current = after ? after.id : "exercises"; }));
    article.append(buttons);
    if (result && result.problem) article.append(make("p", result.problem, {class: "verdict failed"}));
    if (result && result.missing && result.missing.length) {
      article.append(make("p", WORDS.missing[language], {class: "muted"}));
      for (const line of result.missing) article.append(make("pre", line));
    } else if (result && result.verdict) {
      article.append(make("p", `${told.verdicts[result.verdict][language]}: ${step.proves[language]}`, {class: `verdict ${result.verdict}`, "data-verdict": result.verdict}));
      const list = make("ul", undefined, {class: "evidence"});
      for (const row of result.evidence) list.append(make("li", row[language], row.good ? {} : {class: "bad"}));
      article.append(list);
    }
    article.append(make("p", `${told.page.look[language]}: ${step.picture[language]}`, {class: "muted"}));
    const fold = make("details");
    fold.append(make("summary", `${told.page.question[language]}: ${step.question[language]}`), make("p", step.answer[language]));
    article.append(fold);
  };
  const drawExercises = () => {
    const article = $("article");
    for (const exercise of told.exercises) {
      const box = make("section", undefined, {"data-exercise": exercise.id}), result = results[`exercise ${exercise.id}`];
      box.append(make("h2", exercise.title[language]), make("p", exercise.scene[language]), make("p", exercise.question[language]));
      for (const hint of exercise.hints) {
        const fold = make("details");
        fold.append(make("summary", WORDS.hint[language]), make("p", hint[language]));
        box.append(fold);
      }
      const buttons = make("div", undefined, {class: "buttons"});
      for (const state of ["broken", "checked", "mended", "absent"]) buttons.append(button(state, async () => {
        results[`exercise ${exercise.id}`] = {state, ...await order("exercise", {exercise: exercise.id, state, language})};
      }));
      box.append(buttons);
      if (result) {
        const word = result.problem || (result.state === "checked" ? WORDS[result.good ? "solved" : "unsolved"][language] : result.good ? WORDS.done[language] : result.output);
        box.append(make("p", word, {class: `verdict ${result.good ? "confirmed" : "failed"}`, "data-good": String(Boolean(result.good))}));
        if (result.answer) box.append(make("p", result.answer));
        if (result.causes) {
          const causes = make("ul", undefined, {class: "causes"});
          for (const cause of result.causes) causes.append(make("li", cause));
          box.append(make("p", WORDS[result.causes.length ? "found" : "unnamed"][language], {class: "muted"}), causes);
        }
      }
      article.append(box);
    }
    const buttons = make("div", undefined, {class: "buttons"});
    buttons.append(button("restart", async () => { const answer = await order("restart", {}); results = answer.problem ? {restart: answer} : {}; if (!answer.problem) current = steps[0].id; }));
    const saved = told.snapshots[told.snapshots.length - 1];
    if (saved) buttons.append(button("reset", async () => {
      const answer = await order("reset", {snapshot: saved});
      if (answer.problem) results = {restart: answer}; else location.reload(); // the shells are new
    }));
    article.append(buttons);
    if (results.restart) article.append(make("p", results.restart.problem, {class: "verdict failed"}));
  };
  const draw = () => {
    document.documentElement.lang = language === "pt" ? "pt-BR" : "en";
    document.title = $("h1").textContent = told.title[language];
    document.body.setAttribute("aria-busy", String(busy));
    const choice = $(".switch");
    choice.replaceChildren();
    for (const own of ["pt", "en"]) {
      const made = make("button", told.page.language[own], {"data-language": own, "aria-pressed": String(own === language)});
      made.addEventListener("click", () => { language = own; draw(); });
      choice.append(made);
    }
    drawSteps();
    $("article").replaceChildren();
    const step = steps.find(found => found.id === current);
    if (step) drawStep(step); else drawExercises();
  };

  const shells = {};
  for (const node of told.nodes) {
    const box = make("section", undefined, {class: "shell", "data-node": node}), screen = make("div", undefined, {class: "screen"});
    box.append(make("h2", node), screen);
    $(".shells").append(box);
    const shell = new Terminal({rows: told.size[0], cols: told.size[1], scrollback: 2000, fontSize: 13}), wire = socket(`/terminal/${node}`);
    shell.open(screen);
    const send = text => wire.send(JSON.stringify(["stdin", text]));
    if (shell.onData) shell.onData(send); else shell.on("data", send);
    wire.addEventListener("open", () => wire.send(JSON.stringify(["set_size", ...told.size])));
    let rest = ""; // the prompt's exit code stands between marks that are not to be seen; a piece may end within them
    wire.addEventListener("message", event => {
      const [kind, text] = JSON.parse(event.data);
      if (kind !== "stdout") return;
      const whole = (rest + text).replace(/\x1e\d+\x1e/g, "");
      [rest] = whole.match(/(?:\x1e\d*)?$/);
      shell.write(whole.slice(0, whole.length - rest.length));
    });
    shells[node] = shell;
  }
  const live = socket("/live");
  live.addEventListener("message", event => {
    const now = JSON.parse(event.data), before = JSON.stringify([values, progress]);
    values = now.values; progress = now.progress;
    $(".picture-box").innerHTML = now.picture;
    $(".silent").textContent = Object.keys(now.silent).map(node => `${node} ${WORDS.silent[language]}`).join(", ");
    if (!busy && JSON.stringify([values, progress]) !== before) draw();
  });
  live.addEventListener("close", () => { $(".silent").textContent = WORDS.lost[language]; });
  draw();
})();
