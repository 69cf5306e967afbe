// Bundled clips: shown at once, with nothing computed.

const cards = element.querySelector(".x2v-cards");
for (const message of props.value ?? []) {
  const still = h("canvas", {});
  const thumb = new Film(still);
  thumb.calm = calm;
  const card = h("button", { type: "button", title: message.prompt }, still, h("span", {}, message.prompt));
  card.addEventListener("click", () => trigger("pick", { id: message.id }));
  cards.append(card);
  thumb.show(message);
}
