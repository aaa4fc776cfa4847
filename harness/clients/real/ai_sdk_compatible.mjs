/**
 * The Vercel AI SDK with its provider for whatever is compatible with OpenAI.
 *
 * Source: https://github.com/vercel/ai/blob/000ace0edd19f8854d9b03a8c9282df56ca11952/content/providers/02-openai-compatible-providers/index.mdx
 */

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";

import { entries } from "./ai_sdk.mjs";

const provider = createOpenAICompatible({ name: "provider", includeUsage: true, baseURL: process.env.OPENAI_BASE_URL, apiKey: process.env.OPENAI_API_KEY });

export const { read, loop } = entries(({ model }) => provider(model));
