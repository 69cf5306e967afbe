// @ts-check
/**
 * The model in a page: a prompt, previews while it denoises, the clip, and a look inside it. No kernel and no
 * network: model.js is the model. Its page is made by x2vkit/web/site.py.
 */
import { mount } from "../lib/mount.js";
import { Page } from "./page.js";

export default mount((view) => new Page(view).start());
