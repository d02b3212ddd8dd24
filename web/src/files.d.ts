// What esbuild takes in beside code.
declare module "*.css";
