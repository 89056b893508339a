const page = document.querySelector("[data-version]");
const busy = () => document.hidden || document.querySelector("input:checked, :is(input, select):focus, details[open]:focus-within");

async function look() {
  if (busy()) return;
  try {
    const answer = await fetch(location.href, { method: "HEAD", cache: "no-store" });
    const version = answer.headers.get("ETag");
    const changed = answer.ok && version && version !== `"${page.dataset.version}"`;
    if (changed && !busy()) location.reload(); // it may have become busy since it asked
  } catch { /* the viewer has stopped; keep the page */ }
}
if (page?.dataset.version) setInterval(look, 1000 * page.dataset.every);

const list = document.querySelector(".list");
if (list) {
  const button = list.querySelector("button"), boxes = [...list.querySelectorAll("[type=checkbox]")];
  const count = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    button.disabled = chosen !== 2;
    button.textContent = chosen === 2 ? "Compare these two" : chosen > 2 ? "Choose only two" : "Choose two to compare";
  };
  list.addEventListener("change", count);
  addEventListener("pageshow", count);
}
