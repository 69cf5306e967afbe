// @ts-check
/** The inside of the clip that is shown, by one click: an Overview of it, below the stage. */
import { button } from "../lib/controls.js";
import overview from "../overview/index.js";
import { Below } from "./below.js";

export class Look extends Below {
  /**
   * @param {import("../lib/view.js").View} view
   * @param {(text: string) => void} tell says what goes on
   * @param {() => void} ask asks the kernel for it
   */
  constructor(view, tell, ask) {
    super(view, overview);
    this.tell = tell;
    const label = "Look inside this clip";
    this.button = button(view, { label, text: `${label}: every step, patch and word` }, () => {
      tell("Opening its inside…");
      ask();
    });
    this.button.disabled = true; // until a kernel answers
  }

  /** @param {any} message @param {DataView} buffer */
  open(message, buffer) {
    this.tell("");
    this.show(`Inside: ${message.metadata.prompt || "(no words)"}`, message, buffer);
  }
}
