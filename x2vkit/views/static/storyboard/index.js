// @ts-check
/**
 * A film as cards: the idea at the top, then cast and shots to edit, reorder and make again, and the film
 * below. The kernel half is ../../storyboard.py; what both say to each other are messages {kind, ...}.
 * Without a kernel (an exported page) the film plays and nothing can be made.
 */
import { mount } from "../lib/mount.js";
import { Board } from "./board.js";

export default mount((view) => new Board(view).start());
