/**
 * The Vercel AI SDK with its provider for DeepSeek.
 *
 * Source: https://github.com/vercel/ai/blob/4fa6fc5c7c64d07353a19a1ec68f784be2b2c315/content/providers/01-ai-sdk-providers/30-deepseek.mdx
 */

import { createDeepSeek } from "@ai-sdk/deepseek";

import { entries } from "./ai_sdk.mjs";

const provider = createDeepSeek({ baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY });

export const { read, loop } = entries(({ model }) => provider(model));
