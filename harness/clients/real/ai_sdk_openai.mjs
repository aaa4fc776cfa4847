/**
 * The Vercel AI SDK with its provider for OpenAI, asked for chat completions.
 *
 * Source: https://github.com/vercel/ai/blob/80fd168fa11d49b3ef900adece1ab5507cf8de32/content/providers/01-ai-sdk-providers/03-openai.mdx
 */

import { createOpenAI } from "@ai-sdk/openai";

import { entries } from "./ai_sdk.mjs";

const provider = createOpenAI({ baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY });

export const { read, loop } = entries(({ model }) => provider.chat(model));
