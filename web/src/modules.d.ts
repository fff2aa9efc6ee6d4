declare module "licences" {
  const text: string;
  export default text;
}
declare module "*.css";
