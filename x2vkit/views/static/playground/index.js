// @ts-check
/**
 * The prompt workbench: words at the top, the clip and what can be set below, then the history, a grid over
 * two settings, and a comparison of chosen clips. Its kernel half is ../../playground.py; what both say to
 * each other are messages {kind, ...}. Without a kernel (an exported page) the history is shown and nothing
 * can be asked.
 */
import { mount } from "../lib/mount.js";
import { Workbench } from "./workbench.js";

export default mount((view) => new Workbench(view).start());
